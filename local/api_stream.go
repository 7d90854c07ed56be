package local

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"net/http"
)

// maxStreamPiece is how much of a response one event of a stream carries, in bytes.
const maxStreamPiece = 64 << 10

// serveInvokeStream is InvokeWithResponseStream. The caller gets the stream's events when the function has ended its
// response: the host takes answers whole.
func (h *Host) serveInvokeStream(w http.ResponseWriter, r *http.Request, t target) error {
	mode := r.Header.Get("X-Amz-Invocation-Type")
	if mode != "" && mode != "RequestResponse" && mode != "DryRun" {
		return invalidParameter("unknown invocation type: %q", clip(mode))
	}
	in, err := newInvocation(r, maxSyncPayload)
	if err != nil {
		return err
	}
	in.arn = h.arnOf(t)
	v, err := h.choose(t)
	if err != nil {
		return err
	}
	w.Header()["X-Amzn-Requestid"] = []string{in.id}
	w.Header()[executedVersion] = []string{v.name}
	if mode == "DryRun" {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	out, err := h.invoke(v, in)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	w.Header().Set("X-Amzn-Remapped-Content-Type", out.result.ContentType)
	_, _ = w.Write(streamEvents(in, out)) // a client that hung up learns nothing more
	return nil
}

// streamEvents are the events of one answer: its pieces, then how it ended.
func streamEvents(in invocation, out outcome) (events []byte) {
	var end struct {
		ErrorCode    string `json:",omitempty"`
		ErrorDetails string `json:",omitempty"`
		LogResult    string `json:",omitempty"`
	}
	content := out.result.Payload
	if out.result.Failed {
		content = out.result.Partial
		end.ErrorCode, end.ErrorDetails = "Unhandled", string(out.result.Payload)
	}
	if in.tail {
		end.LogResult = base64.StdEncoding.EncodeToString(out.tail)
	}
	for len(content) > 0 {
		piece := content[:min(len(content), maxStreamPiece)]
		events = appendEvent(events, "PayloadChunk", "application/octet-stream", piece)
		content = content[len(piece):]
	}
	return appendEvent(events, "InvokeComplete", "application/json", marshal(end))
}

// appendEvent appends one message of AWS's event stream encoding: two lengths and their checksum, headers whose values
// are texts (type 7), the payload, and the checksum of it all. See "Event stream encoding" in the Amazon Transcribe
// developer guide.
func appendEvent(dst []byte, event, contentType string, payload []byte) []byte {
	var headers []byte
	for _, field := range [][2]string{{":message-type", "event"}, {":event-type", event}, {":content-type", contentType}} {
		headers = append(append(headers, byte(len(field[0]))), field[0]...)
		headers = binary.BigEndian.AppendUint16(append(headers, 7), uint16(len(field[1])))
		headers = append(headers, field[1]...)
	}
	const framing = 16 // lengths and checksums
	begin := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, uint32(framing+len(headers)+len(payload)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(headers)))
	dst = binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(dst[begin:]))
	dst = append(append(dst, headers...), payload...)
	return binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(dst[begin:]))
}
