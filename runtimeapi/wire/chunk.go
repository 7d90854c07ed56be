package wire

import (
	"bytes"
	"strconv"
)

// maxChunkDigits bounds a chunk's size to 60 bits, which no counter here can overflow.
const maxChunkDigits = 15

// chunkSize reads the hexadecimal size of a chunk. Extensions are allowed and not interpreted.
func chunkSize(line []byte) (int64, error) {
	digits, extension, extended := bytes.Cut(line, []byte{';'})
	if extended {
		digits = bytes.TrimRight(digits, " \t")
	}
	if len(digits) == 0 || len(digits) > maxChunkDigits {
		return 0, bad("a chunk's size is not a size")
	}
	if !isText(extension) {
		return 0, bad("a chunk's extension has control characters")
	}
	var size int64
	for _, c := range digits {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, bad("a chunk's size is not a size")
		}
		size = size<<4 | int64(c)
	}
	return size, nil
}

// checkTrailers refuses trailer fields that are malformed or that would change the message they follow.
func checkTrailers(section []byte) error {
	for len(section) > 2 {
		line, rest, _ := bytes.Cut(section, crlf)
		name, _, ok := splitField(line)
		if !ok {
			return bad("a trailer line is not NAME: VALUE")
		}
		if framingField(name) || hopByHop(name) {
			return bad("a trailer frames or routes the message")
		}
		section = rest
	}
	return nil
}

// AppendChunk appends data as one chunk; data must not be empty, because an empty chunk ends a body.
func AppendChunk(dst, data []byte) []byte {
	dst = strconv.AppendInt(dst, int64(len(data)), 16)
	dst = append(dst, crlf...)
	dst = append(dst, data...)
	return append(dst, crlf...)
}

// AppendLastChunk appends the end of a chunked body with its trailer section (nil for none).
func AppendLastChunk(dst, trailers []byte) []byte {
	dst = append(dst, "0\r\n"...)
	if len(trailers) == 0 {
		trailers = crlf
	}
	return append(dst, trailers...)
}
