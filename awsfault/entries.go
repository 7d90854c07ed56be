package awsfault

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
)

// member reads a member of an object; one that is absent or null leaves value as it is.
func member(o object, name string, value any) error {
	raw, ok := o[name]
	if !ok {
		return nil
	}
	return json.Unmarshal(raw, value)
}

// setMember writes a member of an object.
func setMember(o object, name string, value any) error {
	raw, err := json.Marshal(value)
	o[name] = raw
	return err
}

// part divides a list by which of its elements fail.
func part(list []json.RawMessage, failed []bool) (sent, lost []json.RawMessage) {
	for i, element := range list {
		if failed[i] {
			lost = append(lost, element)
		} else {
			sent = append(sent, element)
		}
	}
	return sent, lost
}

// byPlace is a list whose response is a list of the same length, in the same order.
type byPlace struct{ in, out, count string }

func (s byPlace) split(request object, fails func(int) []bool, e serviceError) (func(object) error, bool, error) {
	var entries []json.RawMessage
	if err := member(request, s.in, &entries); err != nil || len(entries) == 0 {
		return nil, false, err
	}
	failed := fails(len(entries))
	sent, lost := part(entries, failed)
	err := setMember(request, s.in, sent)
	return func(response object) error {
		var answers []json.RawMessage
		var count int
		if err := errors.Join(member(response, s.out, &answers), member(response, s.count, &count)); err != nil {
			return err
		}
		if len(answers) != len(sent) {
			return errors.New("the service answers another number of entries than were sent")
		}
		entry, err := json.Marshal(map[string]string{"ErrorCode": e.code, "ErrorMessage": e.message})
		all := make([]json.RawMessage, 0, len(failed))
		for _, f := range failed {
			if f {
				all = append(all, entry)
			} else {
				all, answers = append(all, answers[0]), answers[1:]
			}
		}
		return errors.Join(err, setMember(response, s.out, all), setMember(response, s.count, count+len(lost)))
	}, len(sent) == 0, err
}

// byID is a list whose response names its entries by their ids, those that failed apart.
type byID struct{}

func (byID) split(request object, fails func(int) []bool, e serviceError) (func(object) error, bool, error) {
	var entries []json.RawMessage
	if err := member(request, "Entries", &entries); err != nil || len(entries) == 0 {
		return nil, false, err
	}
	sent, lost := part(entries, fails(len(entries)))
	err := setMember(request, "Entries", sent)
	return func(response object) error {
		var failures []json.RawMessage
		if err := member(response, "Failed", &failures); err != nil {
			return err
		}
		for _, raw := range lost {
			var entry struct {
				ID string `json:"Id"`
			}
			if err := json.Unmarshal(raw, &entry); err != nil {
				return err
			}
			failure, err := json.Marshal(map[string]any{"Id": entry.ID, "Code": e.code, "Message": e.message, "SenderFault": e.status < 500})
			if err != nil {
				return err
			}
			failures = append(failures, failure)
		}
		if _, ok := response["Successful"]; !ok {
			response["Successful"] = json.RawMessage("[]")
		}
		return setMember(response, "Failed", failures)
	}, len(sent) == 0, err
}

// writes is DynamoDB's BatchWriteItem: lists of requests by table, in the order of the tables' names.
type writes struct{}

func (writes) split(request object, fails func(int) []bool, _ serviceError) (func(object) error, bool, error) {
	tables := map[string][]json.RawMessage{}
	if err := member(request, "RequestItems", &tables); err != nil {
		return nil, false, err
	}
	lost := splitTables(tables, fails)
	err := setMember(request, "RequestItems", tables)
	if len(lost) == 0 {
		return nil, false, err
	}
	return func(response object) error {
		unprocessed := map[string][]json.RawMessage{}
		if err := member(response, "UnprocessedItems", &unprocessed); err != nil {
			return err
		}
		if unprocessed == nil {
			unprocessed = map[string][]json.RawMessage{}
		}
		for table, list := range lost {
			unprocessed[table] = append(unprocessed[table], list...)
		}
		return setMember(response, "UnprocessedItems", unprocessed)
	}, len(tables) == 0, err
}

// splitTables leaves in tables what is sent, and returns what fails.
func splitTables(tables map[string][]json.RawMessage, fails func(int) []bool) map[string][]json.RawMessage {
	n := 0
	for _, list := range tables {
		n += len(list)
	}
	failed := fails(n)
	lost := map[string][]json.RawMessage{}
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		list := tables[table]
		sent, out := part(list, failed[:len(list)])
		failed = failed[len(list):]
		if len(out) > 0 {
			lost[table] = out
		}
		tables[table] = sent
		if len(sent) == 0 {
			delete(tables, table)
		}
	}
	return lost
}

// reads is DynamoDB's BatchGetItem: lists of keys by table, beside how the table is read.
type reads struct{}

func (reads) split(request object, fails func(int) []bool, _ serviceError) (func(object) error, bool, error) {
	tables := map[string]object{}
	if err := member(request, "RequestItems", &tables); err != nil {
		return nil, false, err
	}
	keys := map[string][]json.RawMessage{}
	for name, table := range tables {
		var list []json.RawMessage
		if err := member(table, "Keys", &list); err != nil {
			return nil, false, err
		}
		keys[name] = list
	}
	lost := splitTables(keys, fails)
	unprocessed := map[string]object{}
	for name, list := range lost {
		unprocessed[name] = maps.Clone(tables[name])
		if err := setMember(unprocessed[name], "Keys", list); err != nil {
			return nil, false, err
		}
	}
	for name, table := range tables {
		if len(keys[name]) == 0 {
			delete(tables, name)
		} else if err := setMember(table, "Keys", keys[name]); err != nil {
			return nil, false, err
		}
	}
	err := setMember(request, "RequestItems", tables)
	if len(lost) == 0 {
		return nil, false, err
	}
	return func(response object) error { return addKeys(response, unprocessed) }, len(tables) == 0, err
}

// addKeys adds keys to those that the service itself left out.
func addKeys(response object, more map[string]object) error {
	all := map[string]object{}
	if err := member(response, "UnprocessedKeys", &all); err != nil {
		return err
	}
	if all == nil {
		all = map[string]object{}
	}
	for name, table := range more {
		if theirs, ok := all[name]; ok {
			var left, ours []json.RawMessage
			if err := errors.Join(member(theirs, "Keys", &left), member(table, "Keys", &ours)); err != nil {
				return err
			}
			table = maps.Clone(table)
			if err := setMember(table, "Keys", append(left, ours...)); err != nil {
				return err
			}
		}
		all[name] = table
	}
	if _, ok := response["Responses"]; !ok {
		response["Responses"] = json.RawMessage("{}")
	}
	return setMember(response, "UnprocessedKeys", all)
}
