package denylist

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// A State is memory that is shared with every process that opens its path. It has one writer, this process, and its
// readers never wait: a new denial is written where nobody reads, and then made the current one. It is safe for
// concurrent use.
type State struct {
	file *os.File
	mem  []byte

	mu     sync.Mutex
	last   uint32     // generation
	copied [2]*Tables // what each buffer holds
	trap   *trap
}

// Open makes a state that denies nothing. spared is a name that is never denied. It costs no memory until it is used.
func Open(spared string) (*State, error) {
	if len(spared) > maxSpared {
		return nil, fmt.Errorf("the name %q is longer than %d bytes", spared, maxSpared)
	}
	file, err := anonymous("firedrill-denylist")
	if err != nil {
		return nil, fmt.Errorf("make shared memory: %w", err)
	}
	if err := file.Truncate(stateSize); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("size shared memory: %w", err)
	}
	mem, err := syscall.Mmap(int(file.Fd()), 0, stateSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("map shared memory: %w", err)
	}
	binary.NativeEndian.PutUint64(mem[atMagic:], magic)
	binary.NativeEndian.PutUint32(mem[atBuffer:], bufferSize)
	copy(mem[atSpared:], spared)
	return &State{file: file, mem: mem}, nil
}

// anonymous makes a file in memory that no folder has (memfd_create, for which package syscall has no name).
func anonymous(name string) (*os.File, error) {
	number, known := map[string]uintptr{"amd64": 319, "arm64": 279}[runtime.GOARCH]
	if !known {
		return nil, syscall.ENOSYS
	}
	text, err := syscall.BytePtrFromString(name)
	if err != nil {
		return nil, err
	}
	const closeOnExec = 1
	fd, _, errno := syscall.Syscall(number, uintptr(unsafe.Pointer(text)), closeOnExec, 0)
	if errno != 0 {
		return nil, os.NewSyscallError("memfd_create", errno)
	}
	return os.NewFile(fd, name), nil
}

// Path names the state for other processes of this user, as long as this process lives.
func (s *State) Path() string {
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), s.file.Fd())
}

// Publish makes a denial the current one, and returns its number for Denied.
func (s *State) Publish(d Denial) (generation uint32, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var hole uint16
	if d.Mode == Blackhole {
		if s.trap == nil {
			if s.trap, err = setTrap(); err != nil {
				return 0, err
			}
		}
		hole = s.trap.port
	}
	if s.last++; s.last == 0 {
		s.last = 2 // 0 is nothing, and 1 may be what a reader still reads
	}
	half := s.last & 1
	buffer := s.mem[pageSize+int(half)*bufferSize:][:bufferSize]
	copy(buffer, d.head(hole))
	if s.copied[half] != d.Tables {
		copy(buffer[headSize:], d.Tables.encoded)
		s.copied[half] = d.Tables
	}
	s.word(atDenied + 4*int(half)).Store(0)
	s.word(atCurrent).Store(s.last)
	return s.last, nil
}

// Clear denies nothing any more, if that denial is still the current one.
func (s *State) Clear(generation uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.word(atCurrent).CompareAndSwap(generation, 0)
}

// Denied returns how often the denial of that number has hit something. It is kept until the next but one.
func (s *State) Denied(generation uint32) int {
	return int(s.word(atDenied + 4*int(generation&1)).Load())
}

// Loaded returns how many processes have opened the state.
func (s *State) Loaded() int { return int(s.word(atLoaded).Load()) }

// Close gives the memory back. Processes that have opened the state keep it, and are denied nothing. The state must
// not be used any more.
func (s *State) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.word(atCurrent).Store(0)
	if s.trap != nil {
		s.trap.close()
	}
	err := syscall.Munmap(s.mem)
	if closeErr := s.file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// word is a number that other processes change. The first page is aligned, and so are its numbers.
func (s *State) word(at int) *atomic.Uint32 {
	return (*atomic.Uint32)(unsafe.Pointer(&s.mem[at]))
}
