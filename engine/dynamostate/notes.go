package dynamostate

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const (
	readable = 4 << 10   // a note up to this length is kept as it is
	maxNote  = 256 << 20 // of a note, unpacked
)

func noteKey(name string) string { return "note#" + name }

func partKey(version string, n int) string { return fmt.Sprintf("part#%s#%05d", version, n) }

// errNote says that a note changed while it was read.
var errNote = errors.New("it changes too often to be read")

// Read reads a note in one piece: if it was replaced meanwhile, the new one.
func (t *Table) Read(ctx context.Context, name string) ([]byte, error) {
	for range 5 {
		items, err := t.query(ctx, noteKey(name), "head", "part#"+last)
		if err != nil {
			return nil, err
		}
		if len(items) == 0 || textOf(items[0][sortKey]) != "head" {
			return nil, fs.ErrNotExist
		}
		if body, whole := assemble(items[0], items[1:]); whole {
			return unpack(name, textOf(items[0]["encoding"]), body)
		}
	}
	return nil, fmt.Errorf("read %s in %s: %w", name, t.Name(), errNote)
}

// assemble joins the parts of a head's version.
func assemble(head item, parts []item) (body []byte, whole bool) {
	body = bytesOf(head["body"])
	mine, found := "part#"+textOf(head["version"])+"#", int64(0)
	for _, part := range parts {
		if strings.HasPrefix(textOf(part[sortKey]), mine) {
			body, found = append(body, bytesOf(part["body"])...), found+1
		}
	}
	return body, found == numberOf(head["parts"])
}

func unpack(name, encoding string, body []byte) ([]byte, error) {
	if encoding == "" {
		return body, nil
	}
	if encoding != "gzip" {
		return nil, fmt.Errorf("%s is kept in the encoding %q, which this firedrill does not know", name, encoding)
	}
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", name, err)
	}
	text, err := io.ReadAll(io.LimitReader(r, maxNote))
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", name, err)
	}
	return text, nil
}

// Write replaces a note: the parts of the new version first, then its head, which counts; then it removes the parts of
// the old one.
func (t *Table) Write(ctx context.Context, name string, note []byte) error {
	head := key(noteKey(name), "head")
	body, version := note, token()
	if len(note) > readable {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, err := w.Write(note)
		if err = errors.Join(err, w.Close()); err != nil {
			return err
		}
		body, head["encoding"] = packed.Bytes(), text("gzip")
	}
	head["version"], head["body"] = text(version), binary(body[:min(len(body), maxItem)])
	parts := 0
	for rest := body[min(len(body), maxItem):]; len(rest) > 0; {
		part := key(noteKey(name), partKey(version, parts))
		part["body"] = binary(rest[:min(len(rest), maxItem)])
		rest = rest[min(len(rest), maxItem):]
		parts++
		if _, err := call(ctx, t, callBudget, "write "+name+" to", &dynamodb.PutItemInput{TableName: &t.at.Table, Item: part}, t.api.PutItem); err != nil {
			return err
		}
	}
	head["parts"] = number(int64(parts))
	out, err := call(ctx, t, callBudget, "write "+name+" to", &dynamodb.PutItemInput{TableName: &t.at.Table, Item: head, ReturnValues: types.ReturnValueAllOld}, t.api.PutItem)
	if err != nil {
		return err
	}
	return t.removeParts(ctx, name, out.Attributes)
}

// removeParts removes what belonged to a head that is no longer there.
func (t *Table) removeParts(ctx context.Context, name string, head item) error {
	for n := range numberOf(head["parts"]) {
		if err := t.remove(ctx, noteKey(name), partKey(textOf(head["version"]), int(n))); err != nil {
			return err
		}
	}
	return nil
}

func (t *Table) remove(ctx context.Context, pk, sk string) error {
	_, err := call(ctx, t, callBudget, "remove an item from", &dynamodb.DeleteItemInput{TableName: &t.at.Table, Key: key(pk, sk)}, t.api.DeleteItem)
	return err
}

// Remove removes a note. The head goes first: without it there is none.
func (t *Table) Remove(ctx context.Context, name string) error {
	out, err := call(ctx, t, callBudget, "remove "+name+" from", &dynamodb.DeleteItemInput{
		TableName: &t.at.Table, Key: key(noteKey(name), "head"), ReturnValues: types.ReturnValueAllOld,
	}, t.api.DeleteItem)
	if err != nil {
		return err
	}
	return t.removeParts(ctx, name, out.Attributes)
}
