package cloudwatch

import (
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// plain turns CBOR into what encoding/json can write, so that it can be read into the client's own types.
func plain(v cbor.Value) any {
	switch v := v.(type) {
	case cbor.Map:
		out := map[string]any{}
		for name, member := range v {
			out[name] = plain(member)
		}
		return out
	case cbor.List:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = plain(item)
		}
		return out
	case *cbor.Tag:
		if at, err := cbor.AsTime(v); err == nil {
			return at.Format(time.RFC3339Nano)
		}
		return plain(v.Value)
	case cbor.String:
		return string(v)
	case cbor.Bool:
		return bool(v)
	case cbor.Uint:
		return uint64(v)
	case cbor.NegInt:
		return -int64(v)
	case cbor.Float32:
		return float64(v)
	case cbor.Float64:
		return float64(v)
	}
	return nil
}

// encoded turns an answer, which is one of the client's own types, into CBOR. Members that are not set are left out.
func encoded(v any) cbor.Value {
	if v == nil {
		return cbor.Map{}
	}
	return encodedValue(reflect.ValueOf(v))
}

func encodedValue(v reflect.Value) cbor.Value {
	if at, ok := v.Interface().(time.Time); ok {
		return &cbor.Tag{ID: 1, Value: cbor.Float64(float64(at.UnixMilli()) / 1000)}
	}
	switch v.Kind() {
	case reflect.Pointer:
		return encodedValue(v.Elem())
	case reflect.Struct:
		out := cbor.Map{}
		for i := range v.NumField() {
			field, name := v.Field(i), v.Type().Field(i)
			if name.IsExported() && name.Name != "ResultMetadata" && !field.IsZero() {
				out[name.Name] = encodedValue(field)
			}
		}
		return out
	case reflect.Slice:
		out := cbor.List{}
		for i := range v.Len() {
			out = append(out, encodedValue(v.Index(i)))
		}
		return out
	case reflect.String:
		return cbor.String(v.String())
	case reflect.Bool:
		return cbor.Bool(v.Bool())
	case reflect.Float64:
		return cbor.Float64(v.Float())
	case reflect.Int, reflect.Int32, reflect.Int64:
		if n := v.Int(); n < 0 {
			return cbor.NegInt(-n)
		}
		return cbor.Uint(v.Int())
	}
	return &cbor.Nil{}
}

// handleJSON reads the input of an operation of CloudWatch Logs.
func handleJSON[In any](body []byte, do func(*In) (any, error)) (any, error) {
	in := new(In)
	if err := json.Unmarshal(body, in); err != nil {
		return nil, &refusal{http.StatusBadRequest, "InvalidParameterException", err.Error()}
	}
	return do(in)
}

func writeJSON(w http.ResponseWriter, answer any, err error) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if err != nil {
		r := asRefusal(err)
		w.WriteHeader(r.status)
		answer = map[string]string{"__type": r.code, "message": r.message}
	}
	_ = json.NewEncoder(w).Encode(answer) // who hangs up needs no answer
}
