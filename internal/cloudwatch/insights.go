package cloudwatch

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// A LogEvent is a line of a log group. If it is a JSON object, its members are fields; @message is always one.
type LogEvent struct {
	At      time.Time
	Message string
}

// Log writes a line to a log group of the default account and region, which it makes.
func (s *Server) Log(group string, e LogEvent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.world(Account, Region)
	w.logs[group] = append(w.logs[group], e)
}

// An insight is a query under way. It is answered when it is asked for the second time: real ones take their time, too.
type insight struct {
	asked   int
	stopped bool
	rows    [][]types.ResultField
}

// Stopped counts the queries that were stopped before they were answered.
func (s *Server) Stopped() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, w := range s.worlds {
		for _, q := range w.queries {
			if q.stopped {
				n++
			}
		}
	}
	return n
}

func malformed(format string, args ...any) error {
	return &refusal{400, "MalformedQueryException", fmt.Sprintf(format, args...)}
}

func (w *world) startQuery(in *cloudwatchlogs.StartQueryInput) (any, error) {
	groups := in.LogGroupNames
	if in.LogGroupName != nil {
		groups = append(groups, *in.LogGroupName)
	}
	if in.StartTime == nil || in.EndTime == nil || *in.StartTime > *in.EndTime {
		return nil, &refusal{400, "InvalidParameterException", "startTime must not be after endTime"}
	}
	var events []LogEvent
	for _, group := range groups {
		lines, ok := w.logs[group]
		if !ok {
			return nil, &refusal{400, "ResourceNotFoundException", "there is no log group " + group}
		}
		for _, e := range lines {
			if at := e.At.Unix(); at >= *in.StartTime && at <= *in.EndTime {
				events = append(events, e)
			}
		}
	}
	rows, err := answerQuery(aws.ToString(in.QueryString), events)
	if err != nil {
		return nil, err
	}
	id := strconv.Itoa(len(w.queries) + 1)
	w.queries[id] = &insight{rows: rows}
	return map[string]any{"queryId": id}, nil
}

func (w *world) getQueryResults(in *cloudwatchlogs.GetQueryResultsInput) (any, error) {
	q := w.queries[aws.ToString(in.QueryId)]
	if q == nil {
		return nil, &refusal{400, "ResourceNotFoundException", "there is no query " + aws.ToString(in.QueryId)}
	}
	q.asked++
	switch {
	case q.stopped:
		return map[string]any{"status": types.QueryStatusCancelled, "results": []any{}}, nil
	case q.asked < 2:
		return map[string]any{"status": types.QueryStatusRunning, "results": []any{}}, nil
	}
	rows := []any{}
	for _, row := range q.rows {
		var fields []any
		for _, f := range row {
			fields = append(fields, map[string]any{"field": f.Field, "value": f.Value})
		}
		rows = append(rows, fields)
	}
	return map[string]any{"status": types.QueryStatusComplete, "results": rows}, nil
}

func (w *world) stopQuery(in *cloudwatchlogs.StopQueryInput) (any, error) {
	q := w.queries[aws.ToString(in.QueryId)]
	if q == nil || q.stopped || q.asked >= 2 {
		return nil, &refusal{400, "InvalidParameterException", "the query is not running"}
	}
	q.stopped = true
	return map[string]any{"success": true}, nil
}

var (
	filterStage = regexp.MustCompile(`^filter\s+([@\w.]+)\s*(=|!=|<=|>=|<|>|like)\s*(.+)$`)
	statsStage  = regexp.MustCompile(`^stats\s+(count|sum|avg|min|max)\(([@\w.*]+)\)(?:\s+as\s+(\w+))?$`)
)

// answerQuery knows filter FIELD OP VALUE and, last, one stats FUNCTION(FIELD) as NAME.
func answerQuery(query string, events []LogEvent) ([][]types.ResultField, error) {
	stages := strings.Split(query, "|")
	for i, stage := range stages {
		stage = strings.TrimSpace(stage)
		if m := filterStage.FindStringSubmatch(stage); m != nil {
			events = slices.DeleteFunc(slices.Clone(events), func(e LogEvent) bool { return !matches(e, m[1], m[2], strings.TrimSpace(m[3])) })
		} else if m := statsStage.FindStringSubmatch(stage); m != nil && i == len(stages)-1 {
			return stats(events, m[1], m[2], m[3]), nil
		} else {
			return nil, malformed("this server knows no stage %q here", stage)
		}
	}
	return nil, malformed("this server answers stats only")
}

func (e LogEvent) field(name string) (string, bool) {
	if name == "@message" {
		return e.Message, true
	}
	var fields map[string]any
	if json.Unmarshal([]byte(e.Message), &fields) != nil {
		return "", false
	}
	x, ok := fields[name]
	return fmt.Sprint(x), ok
}

func matches(e LogEvent, field, op, value string) bool {
	have, ok := e.field(field)
	if !ok {
		return false
	}
	if op == "like" {
		if pattern, isPattern := strings.CutPrefix(value, "/"); isPattern {
			re, err := regexp.Compile(strings.TrimSuffix(pattern, "/"))
			return err == nil && re.MatchString(have)
		}
		return strings.Contains(have, strings.Trim(value, `"'`))
	}
	x, errX := strconv.ParseFloat(have, 64)
	y, errY := strconv.ParseFloat(value, 64)
	if errX != nil || errY != nil {
		equal := have == strings.Trim(value, `"'`)
		return op == "=" && equal || op == "!=" && !equal
	}
	return map[string]bool{"=": x == y, "!=": x != y, "<": x < y, "<=": x <= y, ">": x > y, ">=": x >= y}[op]
}

// stats reduces all events to one row. Where no event has the field there is none, not even for a count: as in AWS.
func stats(events []LogEvent, function, field, name string) [][]types.ResultField {
	var xs []float64
	for _, e := range events {
		if field == "*" {
			xs = append(xs, 1)
			continue
		}
		text, ok := e.field(field)
		if x, err := strconv.ParseFloat(text, 64); ok && err == nil {
			xs = append(xs, x)
		}
	}
	if len(xs) == 0 {
		return nil
	}
	if name == "" {
		name = function + "(" + field + ")"
	}
	x := reduce(strings.ToUpper(function), xs)
	if function == "count" {
		x = float64(len(xs))
	}
	if math.IsNaN(x) {
		return nil
	}
	return [][]types.ResultField{{{Field: &name, Value: aws.String(strconv.FormatFloat(x, 'f', -1, 64))}}}
}
