package drill

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
)

// A Search finds experiment files.
type Search struct {
	// Only are patterns, one of which a file's name without its ending must match; none: all do.
	Only []string
	// Read reads a file.
	Read func(path string) ([]byte, error)

	found  []string
	passed []string
	seen   map[string]bool
	taken  int // also those that had been
}

// Files are the files that paths mean, each once, in their order: a file itself, whatever is in it, and of a folder all .yaml and .yml files
// in it and in the folders below. There, names that begin with a dot and links to folders are passed over silently; files that are
// something else than experiments come back as passed.
func (s *Search) Files(paths []string) (found, passed []string, err error) {
	s.seen = map[string]bool{}
	if err := s.checkPatterns(); err != nil {
		return nil, nil, err
	}
	for _, path := range paths {
		if err := s.path(path); err != nil {
			return nil, nil, err
		}
	}
	if len(s.found) == 0 {
		return nil, nil, s.nothing(strings.Join(paths, ", "))
	}
	return s.found, s.passed, nil
}

func (s *Search) nothing(where string) error {
	text := "no experiment in " + where
	if len(s.Only) > 0 {
		text += " matches --only " + strings.Join(s.Only, ",")
	}
	return &engine.Refusal{Err: errors.New(text), Tip: "name experiment files, or a folder that has some"}
}

func (s *Search) path(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return &engine.Refusal{Err: err}
	}
	if !info.IsDir() {
		return s.take(path, true)
	}
	before := s.taken
	err = fs.WalkDir(os.DirFS(path), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return &engine.Refusal{Err: fmt.Errorf("look for experiments in %s: %w", filepath.Join(path, name), err)}
		case name != "." && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(name)):
			return nil
		}
		file := filepath.Join(path, name)
		if info, err := os.Stat(file); err != nil { // the other end of a link
			return &engine.Refusal{Err: err}
		} else if !info.Mode().IsRegular() { // a pipe would keep us waiting
			return nil
		}
		return s.take(file, false)
	})
	if err == nil && s.taken == before && len(s.Only) == 0 {
		return s.nothing(path)
	}
	return err
}

// take adds a file, if it is wanted and not there yet. One that was named is an experiment, whatever is in it.
func (s *Search) take(file string, named bool) error {
	if !s.wanted(file) {
		return nil
	}
	if !named {
		text, err := s.Read(file)
		if err != nil {
			return err
		}
		if !experiment.Recognise(text) {
			if !slices.Contains(s.passed, file) {
				s.passed = append(s.passed, file)
			}
			return nil
		}
	}
	real, err := filepath.EvalSymlinks(file)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return &engine.Refusal{Err: err}
	}
	if s.taken++; !s.seen[real] {
		s.seen[real] = true
		s.found = append(s.found, file)
	}
	return nil
}

func (s *Search) checkPatterns() error {
	for _, pattern := range s.Only {
		if _, err := filepath.Match(pattern, ""); err != nil {
			return &engine.Refusal{Err: fmt.Errorf("--only %q is no pattern", pattern), Tip: "patterns have * and ? and [a-z]"}
		}
	}
	return nil
}

func (s *Search) wanted(file string) bool {
	name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	return len(s.Only) == 0 || slices.ContainsFunc(s.Only, func(pattern string) bool {
		ok, _ := filepath.Match(pattern, name) // patterns are checked
		return ok
	})
}
