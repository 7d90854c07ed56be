package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// client plays the runtime on one persistent connection.
type client struct {
	c         net.Conn
	r         *bufio.Reader
	next      []byte
	post      []byte
	scratch   []byte
	durations []time.Duration
}

const responseHead = "POST /2018-06-01/runtime/invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/response HTTP/1.1\r\n" +
	"Host: runtime\r\nUser-Agent: bench\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n" +
	"Trailer: Lambda-Runtime-Function-Error-Type,Lambda-Runtime-Function-Error-Body\r\n\r\n"

func dial(address string, size int) (*client, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &client{
		c: c, r: bufio.NewReaderSize(c, 64<<10), scratch: make([]byte, 64<<10),
		next: fmt.Appendf(nil, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: runtime\r\nUser-Agent: bench\r\nX-Size: %d\r\n\r\n", size),
		post: []byte(responseHead + "b\r\n{\"ok\":true}\r\n0\r\n\r\n"),
	}, nil
}

// invoke does n invocations and keeps their durations.
func (c *client) invoke(n int) error {
	for range n {
		start := time.Now()
		if err := c.exchange(c.next, "HTTP/1.1 200"); err != nil {
			return err
		}
		if err := c.exchange(c.post, "HTTP/1.1 202"); err != nil {
			return err
		}
		c.durations = append(c.durations, time.Since(start))
	}
	return nil
}

func (c *client) exchange(request []byte, status string) error {
	if _, err := c.c.Write(request); err != nil {
		return err
	}
	first, length := true, -1
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first && !strings.HasPrefix(string(line), status) {
			return fmt.Errorf("answer %q, want %s", line, status)
		}
		first = false
		if len(line) == 2 {
			break
		}
		if value, ok := strings.CutPrefix(string(line), "Content-Length: "); ok {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return err
			}
		}
	}
	return c.skip(length)
}

func (c *client) skip(n int) error {
	for n > 0 {
		k, err := io.ReadAtLeast(c.r, c.scratch[:min(n, len(c.scratch))], 1)
		if err != nil {
			return err
		}
		n -= k
	}
	return nil
}
