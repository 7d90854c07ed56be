package local

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	tailBytes    = 4 << 10 // what Lambda returns for LogType Tail
	maxLogLine   = 64 << 10
	syncPatience = time.Second
)

// A logSink writes whole lines of many functions to one writer, each with its function's name.
type logSink struct {
	mu    sync.Mutex
	w     io.Writer
	width int // of the longest name
	buf   []byte
}

// newLogSink makes a sink for the functions and the host itself; w may be nil.
func newLogSink(w io.Writer, functions []Function) *logSink {
	l := &logSink{w: w, width: len("firedrill")}
	if w == nil {
		l.w = io.Discard
	}
	for _, f := range functions {
		l.width = max(l.width, len(f.Name))
		for _, v := range f.Versions {
			l.width = max(l.width, len(versionLabel(f.Name, strconv.Itoa(v.Number))))
		}
	}
	return l
}

func (l *logSink) line(function string, line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = fmt.Appendf(l.buf[:0], "%-*s | ", l.width, function)
	l.buf = append(append(l.buf, line...), '\n')
	_, _ = l.w.Write(l.buf) // a log that cannot be written must not end an invocation
}

// A logPipe is standard output and error of one environment. The host writes into the same pipe: its own START,
// END and REPORT lines then stand in order with the function's, and a mark tells that all that was written before it
// has been read. A mark starts with a zero byte and a text that the function does not know.
type logPipe struct {
	r, w   *os.File
	mark   []byte
	onLine func([]byte) // the line without its line feed; valid during the call
	done   chan struct{}
	tail   []byte // of the invocation at hand

	writing sync.Mutex // apart from mu: a writer may wait for the reader, which takes mu
	closed  bool

	mu      sync.Mutex
	seq     int
	waiters map[int]chan []byte
}

func newLogPipe(onLine func([]byte)) (*logPipe, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe for the function's log: %w", err)
	}
	p := &logPipe{
		r: r, w: w, onLine: onLine,
		mark:    []byte("\x00" + rand.Text() + " "),
		done:    make(chan struct{}),
		waiters: map[int]chan []byte{},
	}
	go p.read()
	return p, nil
}

// begin starts an invocation's part of the log.
func (p *logPipe) begin(text string) { p.write(string(p.mark) + "begin\n" + text) }

// end writes the invocation's last lines and, if tail is set, returns the end of its part of the log.
func (p *logPipe) end(text string, tail bool) []byte {
	if !tail {
		p.write(string(p.mark) + "break\n" + text)
		return nil
	}
	return p.sync(text)
}

// sync writes the text, waits until all that was written so far has been read, and returns the end of it.
func (p *logPipe) sync(text string) []byte {
	p.mu.Lock()
	p.seq++
	seq, read := p.seq, make(chan []byte, 1)
	p.waiters[seq] = read
	p.mu.Unlock()
	p.write(string(p.mark) + "break\n" + text + string(p.mark) + strconv.Itoa(seq) + "\n")
	timer := time.NewTimer(syncPatience)
	defer timer.Stop()
	select {
	case tail := <-read:
		return tail
	case <-timer.C: // the log's writer hangs: better no tail than no answer
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiters, seq)
	return nil
}

// write is one system call, which keeps short texts in one piece. When the function is gone, and the pipe with it, the
// text takes the reader's way directly.
func (p *logPipe) write(text string) {
	p.writing.Lock()
	defer p.writing.Unlock()
	if !p.closed {
		_, _ = io.WriteString(p.w, text) // fails only when the reader is gone, and the log with it
		return
	}
	<-p.done
	for line := range strings.Lines(text) {
		p.handle([]byte(strings.TrimSuffix(line, "\n")))
	}
}

// close waits, but not for long, until the rest has been read. The function must be dead: while it holds the other
// end the pipe has no end.
func (p *logPipe) close() {
	p.writing.Lock()
	p.closed = true
	_ = p.w.Close() // nothing is buffered
	p.writing.Unlock()
	timer := time.NewTimer(syncPatience)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C: // something that left the process group still holds the pipe
	}
	_ = p.r.Close()
	<-p.done
}

func (p *logPipe) read() {
	defer close(p.done)
	in := bufio.NewReaderSize(p.r, maxLogLine)
	for {
		line, err := in.ReadSlice('\n')
		whole := err == nil
		line = bytes.TrimSuffix(line, []byte{'\n'})
		if len(line) > 0 || whole {
			p.handle(line)
		}
		if !whole && !errors.Is(err, bufio.ErrBufferFull) { // a line that is too long goes on in pieces
			return
		}
	}
}

// handle takes one line: the reader's until done is closed, a writer's after that.
func (p *logPipe) handle(line []byte) {
	before, command, marked := bytes.Cut(line, p.mark)
	if !marked || len(before) > 0 {
		before = bytes.TrimSuffix(before, []byte{'\r'})
		p.onLine(before)
		p.tail = append(append(p.tail, before...), '\n')
		if len(p.tail) > 2*tailBytes {
			p.tail = append(p.tail[:0], p.tail[len(p.tail)-tailBytes:]...)
		}
	}
	if !marked {
		return
	}
	if string(command) == "begin" {
		p.tail = p.tail[:0]
		return
	}
	if seq, err := strconv.Atoi(string(command)); err == nil {
		p.mu.Lock()
		read := p.waiters[seq]
		delete(p.waiters, seq)
		p.mu.Unlock()
		if read != nil {
			read <- bytes.Clone(p.tail[max(0, len(p.tail)-tailBytes):])
		}
	}
}
