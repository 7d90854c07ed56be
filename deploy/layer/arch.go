package layer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Arch is an instruction set, as Lambda names it.
type Arch string

// The two that Lambda has.
const (
	X86   Arch = "x86_64"
	ARM64 Arch = "arm64"
)

// Arches are all of them.
func Arches() []Arch { return []Arch{X86, ARM64} }

// ParseArch understands Lambda's names, Go's and the kernel's.
func ParseArch(s string) (Arch, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "x86_64", "amd64", "x86-64":
		return X86, nil
	case "arm64", "aarch64":
		return ARM64, nil
	}
	return "", fmt.Errorf("architecture %q is unknown: x86_64 (amd64) or arm64", s)
}

// GoArch is Go's name for it.
func (a Arch) GoArch() string {
	if a == X86 {
		return "amd64"
	}
	return string(a)
}

var errNoProgram = errors.New("is not a program for 64-bit Linux on x86_64 or arm64")

// programArch reads the architecture from the beginning of a Linux program.
func programArch(r io.Reader) (Arch, error) {
	var head [20]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", errNoProgram
	}
	const class64, littleEndian = 2, 1
	if string(head[:4]) != "\x7fELF" || head[4] != class64 || head[5] != littleEndian {
		return "", errNoProgram
	}
	switch binary.LittleEndian.Uint16(head[18:]) { // the machine
	case 62:
		return X86, nil
	case 183:
		return ARM64, nil
	}
	return "", errNoProgram
}

// static reports whether a Linux program, of which that is the beginning, loads no libraries of glibc's. Compilers
// put what says so right after the head; where it is not, the program is taken for static.
func static(beginning []byte) bool {
	const table, entrySize, entries, interpreter = 0x20, 0x36, 0x38, 3
	if len(beginning) < 64 {
		return true
	}
	at, size := binary.LittleEndian.Uint64(beginning[table:]), uint64(binary.LittleEndian.Uint16(beginning[entrySize:]))
	for n := range uint64(binary.LittleEndian.Uint16(beginning[entries:])) {
		header := within(beginning, at+n*size, 56)
		if header == nil || binary.LittleEndian.Uint32(header) != interpreter {
			continue
		}
		loader := within(beginning, binary.LittleEndian.Uint64(header[8:]), binary.LittleEndian.Uint64(header[32:]))
		return !bytes.Contains(loader, []byte("/ld-linux"))
	}
	return true
}

// within is a piece of data, or nil if that is not all there.
func within(data []byte, at, size uint64) []byte {
	if at > uint64(len(data)) || size > uint64(len(data))-at {
		return nil
	}
	return data[at : at+size]
}
