package kinds

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// letter is what a message of the queue asks for.
type letter struct {
	To string `json:"to"`
}

// sentReport is what mail answers: what Lambda wants to know, and beside it, for the experiment, how often the
// letter of each message has been sent.
type sentReport struct {
	events.SQSEventResponse
	Sent map[string]int `json:"sent"`
}

// mailer sends letters. What it has sent stands in for a table, which is why mail has one environment only
// (concurrency: 1 in functions.yaml).
type mailer struct {
	mu   sync.Mutex
	sent map[string]int
}

func newMailer() *mailer { return &mailer{sent: map[string]int{}} }

// careless reads the whole batch, then sends. One message that it cannot read fails all of them, and one that comes
// again is sent again.
func (m *mailer) careless(_ context.Context, batch events.SQSEvent) (sentReport, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, message := range batch.Records {
		if _, err := read(message); err != nil {
			return sentReport{}, err
		}
	}
	for _, message := range batch.Records {
		m.sent[message.MessageId]++
	}
	return m.report(batch, nil), nil
}

// careful handles each message by itself: it reports those that failed, and skips those that were sent already.
func (m *mailer) careful(_ context.Context, batch events.SQSEvent) (sentReport, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var failed []events.SQSBatchItemFailure
	for _, message := range batch.Records {
		if _, err := read(message); err != nil {
			failed = append(failed, events.SQSBatchItemFailure{ItemIdentifier: message.MessageId})
			continue
		}
		if m.sent[message.MessageId] == 0 {
			m.sent[message.MessageId]++
		}
	}
	return m.report(batch, failed), nil
}

func read(message events.SQSMessage) (letter, error) {
	var l letter
	if err := json.Unmarshal([]byte(message.Body), &l); err != nil {
		return letter{}, fmt.Errorf("message %s: %w", message.MessageId, err)
	}
	return l, nil
}

func (m *mailer) report(batch events.SQSEvent, failed []events.SQSBatchItemFailure) sentReport {
	sent := map[string]int{}
	for _, message := range batch.Records {
		sent[message.MessageId] = m.sent[message.MessageId]
	}
	return sentReport{events.SQSEventResponse{BatchItemFailures: failed}, sent}
}

// queue plays an SQS queue with its event source mapping, which a laptop does not have: it delivers a batch of four
// messages, delivers again what failed, and gives up on a message after three times.
type queue struct{ invoke invoker }

const (
	batchSize  = 4
	deliveries = 3 // maxReceiveCount
)

type queueEvent struct {
	Consumer string `json:"consumer"`
}

type drained struct {
	Delivered  int `json:"delivered"`   // messages whose letter was sent at least once
	MostCopies int `json:"most_copies"` // of one and the same letter
	Dead       int `json:"dead"`        // messages that ended in the dead-letter queue
}

func (q queue) drain(ctx context.Context, e queueEvent) (drained, error) {
	call, ok := lambdacontext.FromContext(ctx)
	if !ok {
		return drained{}, fmt.Errorf("the invocation has no request id to name messages by")
	}
	visible := messages(call.AwsRequestID)
	sent := map[string]int{}
	for range deliveries {
		if len(visible) == 0 {
			break
		}
		var answer sentReport
		if err := q.invoke(ctx, e.Consumer, events.SQSEvent{Records: visible}, &answer); err != nil {
			continue // the whole batch comes back
		}
		for id, times := range answer.Sent {
			sent[id] = times
		}
		visible = failedOf(visible, answer.BatchItemFailures)
	}
	return sum(sent, len(visible)), nil
}

func messages(prefix string) (batch []events.SQSMessage) {
	for n := range batchSize {
		batch = append(batch, events.SQSMessage{
			MessageId: fmt.Sprintf("%s-%d", prefix, n), EventSource: "aws:sqs", Body: `{"to":"ann@example.com"}`,
		})
	}
	return batch
}

func failedOf(batch []events.SQSMessage, failures []events.SQSBatchItemFailure) (failed []events.SQSMessage) {
	ids := map[string]bool{}
	for _, f := range failures {
		ids[f.ItemIdentifier] = true
	}
	for _, message := range batch {
		if ids[message.MessageId] {
			failed = append(failed, message)
		}
	}
	return failed
}

func sum(sent map[string]int, dead int) drained {
	d := drained{Dead: dead}
	for _, times := range sent {
		if times > 0 {
			d.Delivered++
		}
		d.MostCopies = max(d.MostCopies, times)
	}
	return d
}
