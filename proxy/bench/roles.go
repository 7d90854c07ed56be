package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
)

// announce says where a role listens, and ends with its parent: when stdin closes.
func announce(ln net.Listener, stdin io.Reader, stdout io.Writer) error {
	if _, err := fmt.Fprintln(stdout, ln.Addr()); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, stdin)
	return err
}

// upstream is the least Runtime API: an event of the size that the request's X-Size names, at once, and 202 for
// what comes back.
func upstream(stdin io.Reader, stdout io.Writer) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go accept(ln, serveEvents)
	return announce(ln, stdin, stdout)
}

func accept(ln net.Listener, serve func(net.Conn)) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			serve(c)
		}()
	}
}

func serveEvents(c net.Conn) {
	r := bufio.NewReaderSize(c, 64<<10)
	events := map[int][]byte{}
	for {
		line, fields, err := readHead(r)
		if err != nil {
			return
		}
		answer := []byte("HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n")
		if strings.HasPrefix(line, "GET ") {
			size, _ := strconv.Atoi(fields["x-size"])
			if events[size] == nil {
				events[size] = event(size)
			}
			answer = events[size]
		} else if err := skipBody(r, fields); err != nil {
			return
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

// event is a whole answer to /next with a JSON event of size bytes.
func event(size int) []byte {
	body := `{"requestContext":{"http":{"path":"/other"}},"filler":"` + strings.Repeat("x", max(0, size-57)) + `"}`
	return []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n" +
		"Lambda-Runtime-Deadline-Ms: 4102444800000\r\nLambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:bench\r\n" +
		"Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1\r\nContent-Length: " +
		strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}

// readHead reads a start line and the fields, in lower case.
func readHead(r *bufio.Reader) (line string, fields map[string]string, err error) {
	tp := textproto.NewReader(r)
	if line, err = tp.ReadLine(); err != nil {
		return "", nil, err
	}
	fields = map[string]string{}
	for {
		field, err := tp.ReadLine()
		if err != nil || field == "" {
			return line, fields, err
		}
		name, value, _ := strings.Cut(field, ": ")
		fields[strings.ToLower(name)] = value
	}
}

// skipBody reads past a body, chunked or not.
func skipBody(r *bufio.Reader, fields map[string]string) error {
	if n, err := strconv.Atoi(fields["content-length"]); err == nil {
		_, err = r.Discard(n)
		return err
	}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(strings.TrimSpace(line), 16, 64)
		if err != nil {
			return err
		}
		if _, err := r.Discard(int(size)); err != nil {
			return err
		}
		if _, err := r.ReadString('\n'); err != nil { // after the data; or, at the end, after no trailers
			return err
		}
		if size == 0 {
			return nil
		}
	}
}

// relay is what the proxy is measured against: it copies bytes both ways and knows nothing.
func relay(target string, stdin io.Reader, stdout io.Writer) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go accept(ln, func(down net.Conn) {
		up, err := net.Dial("tcp", target)
		if err != nil {
			return
		}
		defer up.Close()
		go func() {
			_, _ = io.Copy(up, down)
			_ = up.Close()
		}()
		_, _ = io.Copy(down, up)
	})
	return announce(ln, stdin, stdout)
}
