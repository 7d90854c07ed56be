package firedrill

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"reflect"

	"github.com/aws/aws-lambda-go/lambda/handlertrace"
)

// adapt turns a handler into an invoker, by the rules of lambda.Start: see its documentation, and reflectHandler
// in github.com/aws/aws-lambda-go/lambda. The library's own adapter is out of reach: its Handler cannot stream,
// and lends out a pooled buffer, which two concurrent invocations would share. adapt returns nil for what
// lambda.Start refuses.
func adapt(handler any) (invoker, mode) {
	if h, ok := handler.(interface {
		Invoke(context.Context, []byte) ([]byte, error)
	}); ok {
		return func(ctx context.Context, event []byte) (response, error) {
			out, err := h.Invoke(ctx, event)
			return response{json: out}, err
		}, buffered
	}
	t := reflect.TypeOf(handler)
	if t == nil || t.Kind() != reflect.Func || reflect.ValueOf(handler).IsNil() || t.IsVariadic() {
		return nil, buffered
	}
	f := function{value: reflect.ValueOf(handler)}
	if !f.inputs(t) || !f.outputs(t) {
		return nil, buffered
	}
	return f.invoke, f.mode
}

// function is a handler that is a Go function.
type function struct {
	value        reflect.Value
	takesContext bool
	event        reflect.Type // nil if it takes none
	answers      bool         // it returns a value beside the error
	fails        bool         // it returns an error
	mode         mode
}

// inputs reads the parameters: none, a context, an event, or both.
func (f *function) inputs(t reflect.Type) bool {
	last := t.NumIn() - 1
	switch t.NumIn() {
	case 0:
		return true
	case 1:
		f.takesContext = isContext(t.In(0))
		if !f.takesContext {
			f.event = t.In(0)
		}
		// An interface other than any is neither a context nor something JSON decodes into.
		return f.takesContext || t.In(0).Kind() != reflect.Interface || t.In(0).NumMethod() == 0
	case 2:
		f.takesContext, f.event = true, t.In(last)
		return isContext(t.In(0))
	}
	return false
}

// isContext reports whether t has exactly context.Context's methods.
func isContext(t reflect.Type) bool {
	want := reflect.TypeFor[context.Context]()
	return t.Kind() == reflect.Interface && t.Implements(want) && want.Implements(t)
}

// outputs reads the results: none, an error, or a value and an error.
func (f *function) outputs(t reflect.Type) bool {
	n := t.NumOut()
	if n > 2 || (n > 0 && !t.Out(n-1).Implements(reflect.TypeFor[error]())) {
		return false
	}
	f.fails, f.answers = n > 0, n == 2
	if !f.answers {
		return true
	}
	switch out := t.Out(0); {
	case out.Implements(reflect.TypeFor[contentTyper]()) && out.Kind() == reflect.Pointer &&
		out.Elem().PkgPath() == "github.com/aws/aws-lambda-go/events":
		f.mode = streamHTTP
	case out.Kind() == reflect.Interface || out.Implements(reflect.TypeFor[io.Reader]()):
		f.mode = streamed
	}
	return true
}

func (f *function) invoke(ctx context.Context, event []byte) (response, error) {
	trace := handlertrace.FromContext(ctx)
	arguments := make([]reflect.Value, 0, 2)
	if f.takesContext {
		arguments = append(arguments, reflect.ValueOf(ctx))
	}
	if f.event != nil {
		decoded := reflect.New(f.event)
		// A decoder, as in the Lambda library: json.Unmarshal would refuse what follows the value.
		if err := json.NewDecoder(bytes.NewReader(event)).Decode(decoded.Interface()); err != nil {
			return response{}, err
		}
		if trace.RequestEvent != nil {
			trace.RequestEvent(ctx, decoded.Elem().Interface())
		}
		arguments = append(arguments, decoded.Elem())
	}
	results := f.value.Call(arguments)
	if f.fails {
		if err, ok := results[len(results)-1].Interface().(error); ok && err != nil {
			return response{}, err
		}
	}
	var answer any
	if f.answers {
		answer = results[0].Interface()
		if trace.ResponseEvent != nil {
			trace.ResponseEvent(ctx, answer)
		}
	}
	return encode(answer)
}

// encode writes an answer as JSON. A reader streams, unless it has a JSON form that is not empty.
func encode(answer any) (response, error) {
	var out jsonText
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(answer)
	if reader, ok := answer.(io.Reader); ok && (err != nil || bytes.HasPrefix(out, []byte("{}"))) {
		return response{reader: reader}, nil
	}
	if err != nil {
		return response{}, err
	}
	return response{json: bytes.TrimSuffix(out, []byte("\n"))}, nil
}

// jsonText collects what an encoder writes, which is all at once: one allocation of the right size.
type jsonText []byte

// Write implements io.Writer.
func (t *jsonText) Write(b []byte) (int, error) {
	*t = append(*t, b...)
	return len(b), nil
}
