package fault

import "encoding/json"

func batchKind() kind {
	return kind{
		KindInfo: KindInfo{
			Kind: Batch, After: true,
			Doc: "the handler runs, then a share of the batch's records is reported as failed (SQS, Kinesis, DynamoDB streams)",
			Attributes: []Attribute{
				{Name: "share", Type: TypeInteger, Min: 1, Max: 100, Doc: "percent of the records, sampled by their ids; default 50"},
			},
		},
		build: func(v values) (behaviour, []Problem) {
			share := v.number("share", 50)
			return behaviour{after: true, reads: true, effect: func(m moment) Injection {
				ids := recordIDs(m.event)
				if len(ids) == 0 {
					return Injection{Skip: "the event is no batch of SQS, Kinesis or DynamoDB records"}
				}
				var failed []string
				for _, id := range ids {
					if share == 100 || unit(hash(m.seed, Batch, id, ""))*100 < share {
						failed = append(failed, id)
					}
				}
				if len(failed) == 0 {
					return Injection{Skip: "no record of the batch is hit"}
				}
				return Injection{corrupt: &corruption{failures: failed}}
			}}, nil
		},
	}
}

// recordIDs are the identifiers by which a function reports failed records: AWS Lambda developer guide, "Reporting
// batch item failures" for SQS (messageId), Kinesis and DynamoDB (the sequence number).
func recordIDs(event []byte) (ids []string) {
	var batch struct {
		Records []struct {
			EventSource string `json:"eventSource"`
			MessageID   string `json:"messageId"`
			Kinesis     struct {
				SequenceNumber string `json:"sequenceNumber"`
			} `json:"kinesis"`
			DynamoDB struct {
				SequenceNumber string `json:"SequenceNumber"`
			} `json:"dynamodb"`
		}
	}
	if json.Unmarshal(event, &batch) != nil {
		return nil
	}
	for _, r := range batch.Records {
		id := ""
		switch r.EventSource {
		case "aws:sqs":
			id = r.MessageID
		case "aws:kinesis":
			id = r.Kinesis.SequenceNumber
		case "aws:dynamodb":
			id = r.DynamoDB.SequenceNumber
		}
		if id == "" {
			return nil
		}
		ids = append(ids, id)
	}
	return ids
}

// failItems adds failed records to a response, beside those that the handler has reported. changed is false if it
// has reported all of them, or if the response is nothing that can report any.
func failItems(response []byte, failures []string) (out []byte, changed bool) {
	var object map[string]json.RawMessage
	if len(response) > 0 && json.Unmarshal(response, &object) != nil {
		return response, false // null is no answer, and reports that nothing failed
	}
	if object == nil {
		object = map[string]json.RawMessage{}
	}
	type item struct {
		ID string `json:"itemIdentifier"`
	}
	var items []json.RawMessage // as the handler wrote them
	if raw, ok := object["batchItemFailures"]; ok && json.Unmarshal(raw, &items) != nil {
		return response, false
	}
	reported := map[string]bool{}
	for _, raw := range items {
		var known item
		if json.Unmarshal(raw, &known) == nil {
			reported[known.ID] = true
		}
	}
	for _, id := range failures {
		if !reported[id] {
			items, changed = append(items, encode(item{id})), true
		}
	}
	if !changed {
		return response, false
	}
	object["batchItemFailures"] = encode(items)
	return encode(object), true
}
