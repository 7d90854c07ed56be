package kinds

import (
	"bytes"
	"context"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"runtime"
	"time"
)

const mb = 1 << 20

// picture is the object that thumbnail and resize work on: so many bytes, made up as they are read.
func picture(size int64) io.Reader {
	return io.LimitReader(rows(bytes.Repeat([]byte("RGB"), 20_000)), size)
}

// rows are one row of pixels, again and again.
type rows []byte

// Read implements io.Reader.
func (r rows) Read(p []byte) (int, error) { return copy(p, r), nil }

// result is what came of a picture.
type result struct {
	Checksum uint32 `json:"checksum"`
}

const pictureOnDisk = 12 * mb

// thumbnailCareless keeps the picture in the temporary folder while it works on it. "There is always room in /tmp."
func thumbnailCareless(context.Context) (result, error) {
	s, err := newScratch()
	if err != nil {
		return result{}, err
	}
	defer s.file.Close()
	if _, err := io.CopyBuffer(onlyWriter{s}, picture(pictureOnDisk), make([]byte, mb)); err != nil {
		return result{}, err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return result{}, err
	}
	return checksum(s.file)
}

// thumbnailCareful does without the disk if it must: slower, because the picture is fetched again, but it answers.
func thumbnailCareful(ctx context.Context) (result, error) {
	r, err := thumbnailCareless(ctx)
	if err != nil {
		slog.WarnContext(ctx, "there is no room on the disk: the picture is read as it comes", "error", err)
		return checksum(picture(pictureOnDisk))
	}
	return r, nil
}

const pictureInMemory = 48 * mb

// resizeCareless holds the whole picture in memory. It works as long as pictures are small, and nobody else needs any.
func resizeCareless(ctx context.Context) (result, error) {
	whole := make([]byte, pictureInMemory)
	if _, err := io.ReadFull(picture(pictureInMemory), whole); err != nil {
		return result{}, err
	}
	if err := sleep(ctx, 20*time.Millisecond); err != nil { // the pretended work
		return result{}, err
	}
	sum := crc32.ChecksumIEEE(whole)
	runtime.KeepAlive(whole)
	return result{sum}, nil
}

// resizeCareful lets the picture stream through.
func resizeCareful(context.Context) (result, error) { return checksum(picture(pictureInMemory)) }

func checksum(r io.Reader) (result, error) {
	sum := crc32.NewIEEE()
	if _, err := io.CopyBuffer(onlyWriter{sum}, r, make([]byte, mb)); err != nil {
		return result{}, err
	}
	return result{sum.Sum32()}, nil
}

// onlyWriter hides what else a writer can do, so that io.CopyBuffer uses its buffer.
type onlyWriter struct{ io.Writer }

const reportRows = 250

// answered is what report answers.
type answered struct {
	Rows int `json:"rows"`
}

// reportCareless fetches row by row. Each round trip ends with a wait for the processor.
func reportCareless(ctx context.Context) (answered, error) {
	for range reportRows {
		if err := sleep(ctx, time.Millisecond); err != nil { // the pretended database
			return answered{}, err
		}
	}
	return answered{reportRows}, nil
}

// reportCareful fetches all rows at once.
func reportCareful(ctx context.Context) (answered, error) {
	if err := sleep(ctx, 20*time.Millisecond); err != nil {
		return answered{}, err
	}
	return answered{reportRows}, nil
}

// text is what letter answers.
type text struct {
	Text string `json:"text"`
}

// lambdaDescriptors is how many file descriptors a function has in Lambda.
const lambdaDescriptors = 1024

// letterCareless opens its template for each letter. Functions start in the folder of their package.
func letterCareless(world) (any, error) {
	return func(context.Context) (text, error) {
		content, err := os.ReadFile(LetterFile)
		return text{string(content)}, err
	}, limitDescriptors(lambdaDescriptors)
}

// letterCareful reads it when the function starts, and needs no file afterwards.
func letterCareful(world) (any, error) {
	content, err := os.ReadFile(LetterFile)
	if err != nil {
		return nil, err
	}
	return func(context.Context) (text, error) { return text{string(content)}, nil }, limitDescriptors(lambdaDescriptors)
}
