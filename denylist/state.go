package denylist

import (
	"encoding/binary"
	"time"
)

// Library is what the library's file is called beside the proxy.
const Library = "firedrill-denylist.so"

// Variable names the state in the environment of the function's processes.
const Variable = "FIREDRILL_DENYLIST"

// A Mode is what becomes of a denied name, as a number of the state's format.
type Mode uint32

// The modes of a denial.
const (
	NXDomain  Mode = 1 // there is no such name
	Refused   Mode = 2 // it resolves, and connections are refused
	Blackhole Mode = 3 // it resolves, and connections hang
	Slow      Mode = 4 // it resolves late
)

// A Denial is what a State says while an invocation lasts.
type Denial struct {
	Tables *Tables
	Mode   Mode
	Delay  time.Duration // for Slow
	Until  time.Time     // the end, whatever happens to who should end it; zero: none
}

const (
	pageSize   = 4096
	bufferSize = 512 << 10
	stateSize  = pageSize + 2*bufferSize
	headSize   = 32
	magic      = 0x31594e4544524446 // "FDRDENY1"

	// Offsets in the first page.
	atMagic   = 0
	atCurrent = 8
	atLoaded  = 12
	atDenied  = 16
	atBuffer  = 24
	atSpared  = 64
	maxSpared = 63
)

// head is the head of a buffer, without the classes.
func (d Denial) head(hole uint16) []byte {
	head := binary.NativeEndian.AppendUint32(make([]byte, 0, headSize), uint32(d.Mode))
	head = binary.NativeEndian.AppendUint32(head, uint32(len(d.Tables.automata)))
	head = binary.NativeEndian.AppendUint64(head, uint64(max(d.Delay, 0)))
	var until uint64
	if !d.Until.IsZero() {
		until = uint64(max(d.Until.UnixNano(), 1))
	}
	head = binary.NativeEndian.AppendUint64(head, until)
	head = binary.NativeEndian.AppendUint16(head, hole)
	return append(head, make([]byte, headSize-len(head))...)
}
