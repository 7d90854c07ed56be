package preload

import (
	"debug/elf"
	"fmt"
	"strings"
)

func machines() map[string]elf.Machine {
	return map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
}

// known is what the library may call: functions that glibc 2.17, which the first arm64 systems had, has under these
// names, and musl too.
const known = " clock_gettime close dlsym freeaddrinfo getenv getpeername getsockopt lseek mmap munmap nanosleep open __errno_location __h_errno_location "

// check makes sure that a library runs on machine, and on every system.
func check(path string, machine elf.Machine) error {
	f, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if f.Machine != machine || f.Type != elf.ET_DYN {
		return fmt.Errorf("the compiler made %s for %s, not a library for %s", f.Type, f.Machine, machine)
	}
	needed, err := f.ImportedLibraries()
	if err != nil {
		return err
	}
	if len(needed) != 1 || needed[0] != "libdl.so.2" {
		return fmt.Errorf("the library needs %v, and not libdl.so.2 alone, which every system has", needed)
	}
	symbols, err := f.ImportedSymbols()
	if err != nil {
		return err
	}
	for _, s := range symbols {
		if !strings.Contains(known, " "+s.Name+" ") {
			return fmt.Errorf("the library needs %s, which not every system has", s.Name)
		}
		if s.Version != "" && s.Version != "GLIBC_2.2.5" && s.Version != "GLIBC_2.17" {
			return fmt.Errorf("the library needs %s in the version %s, which not every system has", s.Name, s.Version)
		}
	}
	return nil
}
