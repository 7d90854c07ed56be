package firedrill

import (
	"io"
	"os"

	"github.com/firedrill-dev/firedrill/source"
)

// An Option changes where Wrap and Transport read and write.
type Option func(*settings)

type settings struct {
	getenv func(string) string
	log    io.Writer
	source source.Source
	given  bool // source was set by an option
}

// WithSource takes the fault set from s instead of from the place that FIREDRILL_CONFIG names. A nil s injects
// nothing. FIREDRILL_DISABLED still wins.
func WithSource(s source.Source) Option {
	return func(set *settings) { set.source, set.given = s, true }
}

// WithLog writes records and problems to w instead of to standard error. Each line is one Write.
func WithLog(w io.Writer) Option {
	return func(set *settings) { set.log = w }
}

// WithGetenv looks up variables of the environment by getenv instead of os.Getenv.
func WithGetenv(getenv func(string) string) Option {
	return func(set *settings) { set.getenv = getenv }
}

// resolve returns the settings with their source, which is nil if there is nothing to do, ever.
func resolve(options []Option) settings {
	s := settings{getenv: os.Getenv, log: os.Stderr}
	for _, option := range options {
		option(&s)
	}
	switch {
	case !s.given:
		s.source = source.FromEnv(s.getenv, s.log)
	case source.IsDisabled(s.getenv):
		s.source = nil
	}
	return s
}
