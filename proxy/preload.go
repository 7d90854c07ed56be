package proxy

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/firedrill-dev/firedrill/denylist"
	"github.com/firedrill-dev/firedrill/fault"
)

// Preload names the denylist's library, where it does not lie beside the proxy's program.
const Preload = "FIREDRILL_PRELOAD"

// linker is the variable by which the system's linker loads libraries into every program.
const linker = "LD_PRELOAD"

// library finds the denylist's library; "" if there is none. Only one that was asked for is missed.
func library(getenv func(string) string, log *journal) string {
	path, asked := getenv(Preload), true
	if path == "" {
		asked = false
		program, err := os.Executable()
		if err != nil {
			return ""
		}
		path = filepath.Join(filepath.Dir(program), denylist.Library)
	}
	_, err := os.Stat(path)
	switch {
	case err == nil && filepath.IsAbs(path) && !strings.ContainsAny(path, " :\n"):
		return path
	case asked && err != nil:
		log.problem(fault.Problem{Field: Preload, Value: path, Message: "cannot be loaded, no host is denied: " + err.Error()})
	case err == nil:
		log.problem(fault.Problem{Field: Preload, Value: path, Message: "cannot be loaded, no host is denied: the linker takes no such path",
			Hint: "an absolute path without spaces and colons"})
	}
	return ""
}

// preload returns the environment in which the runtime's processes load the library, and the state that they share
// with the proxy. Without a library, or if anything fails, that is the environment as it is, and no state.
func preload(environ []string, getenv func(string) string, log *journal) ([]string, *denylist.State) {
	path := library(getenv, log)
	if path == "" {
		return environ, nil
	}
	// The Runtime API itself must be found, whatever the patterns say.
	state, err := denylist.Open("127.0.0.1")
	if err != nil {
		log.problem(fault.Problem{Field: string(fault.Denylist), Message: "cannot be enacted, no host is denied: " + err.Error()})
		return environ, nil
	}
	if others := getenv(linker); others != "" {
		path += ":" + others
	}
	return append(without(without(environ, linker), denylist.Variable), linker+"="+path, denylist.Variable+"="+state.Path()), state
}
