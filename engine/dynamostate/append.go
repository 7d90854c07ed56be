package dynamostate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/firedrill-dev/firedrill/engine"
)

// What DynamoDB takes is 400 KB for an item and 4 MB for a transaction, keys and names included.
const (
	maxItem  = 350 << 10
	maxBatch = 10 * maxItem
)

// A line waits to be written. Nobody waits for one that need not be durable.
type line struct {
	text []byte
	done chan error // nil if nobody waits
}

// A journal is where the next item goes.
type journal struct {
	next  int64 // its number
	op    int64 // of the last attempt to write something
	above int64 // items below it may have been written although nobody knows; they count as not written
}

// Append leaves a line to be written, together with whatever else waits by then.
func (c *claim) Append(text []byte, durable bool) error {
	if len(text) > maxBatch {
		return fmt.Errorf("%d bytes are more than the %d that one write to %s can take", len(text), maxBatch, c.table.Name())
	}
	l := line{text: text}
	if durable {
		l.done = make(chan error, 1)
	}
	c.mu.Lock()
	if c.lost != nil {
		defer c.mu.Unlock()
		return c.lost
	}
	c.queue = append(c.queue, l)
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default: // it is awake
	}
	if !durable {
		return nil
	}
	return <-l.done
}

// flush writes all lines that wait, a transaction at a time.
func (c *claim) flush(ctx context.Context) {
	for {
		batch := c.take()
		if len(batch) == 0 {
			return
		}
		err := c.write(ctx, batch)
		for _, l := range batch {
			if l.done != nil {
				l.done <- err
			}
		}
		if err != nil && !c.putBack(batch) {
			return
		}
	}
}

// take is as many of the waiting lines as one transaction takes.
func (c *claim) take() []line {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, size := 0, 0
	for n < len(c.queue) && size+len(c.queue[n].text) <= maxBatch {
		size += len(c.queue[n].text)
		n++
	}
	batch := c.queue[:n:n]
	c.queue = c.queue[n:]
	return batch
}

// putBack keeps the lines that nobody waits for, for the next time; the others' writers know that they failed. It says
// whether somebody else waits already.
func (c *claim) putBack(batch []line) (waits bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var kept []line
	size := 0
	for _, l := range batch {
		if l.done == nil && c.lost == nil && size < maxBatch/2 {
			kept, size = append(kept, l), size+len(l.text)
		}
	}
	waits = slices.ContainsFunc(c.queue, func(l line) bool { return l.done != nil })
	c.queue = append(kept, c.queue...)
	return waits
}

// refuse ends all waiting, now and later.
func (c *claim) refuse(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost == nil {
		c.lost = err
	}
	for _, l := range c.queue {
		if l.done != nil {
			l.done <- c.lost
		}
	}
	c.queue = nil
}

// write puts lines into items, all or none, if the claim is still this process's.
func (c *claim) write(ctx context.Context, batch []line) error {
	if !c.mine() {
		return engine.ErrLost
	}
	var all []byte
	for _, l := range batch {
		all = append(all, l.text...)
	}
	j := &c.journal
	j.op++
	first := j.next
	writes := []types.TransactWriteItem{{Update: c.ours()}}
	n := first
	for ; len(all) > 0; n++ {
		part := all[:min(len(all), maxItem)]
		all = all[len(part):]
		writes = append(writes, c.put(n, part))
	}
	for doubtful := n; doubtful < j.above; doubtful++ {
		writes = append(writes, types.TransactWriteItem{Delete: &types.Delete{TableName: &c.table.at.Table, Key: key(runKey(c.run), journalNumber(doubtful))}})
	}
	asked := c.table.clock.now()
	_, err := call(ctx, c.table, c.budget(), "write the journal to", &dynamodb.TransactWriteItemsInput{TransactItems: writes}, c.table.api.TransactWriteItems)
	if found, refused := refusedItems(err); refused {
		err = c.verdictOf(found)
	}
	c.learned(asked, err)
	if err != nil {
		j.above = max(j.above, n)
		return err
	}
	j.next, j.above = n, 0
	return nil
}

// put is one item of the journal. It replaces only what an earlier attempt of this claim left, which nobody counts on.
func (c *claim) put(n int64, lines []byte) types.TransactWriteItem {
	row := key(runKey(c.run), journalNumber(n))
	row["lines"], row["fence"], row["op"] = binary(lines), number(c.fence), number(c.journal.op)
	return types.TransactWriteItem{Put: &types.Put{
		TableName: &c.table.at.Table, Item: row,
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR (fence = :fence AND op < :op)"),
		ExpressionAttributeValues: item{":fence": row["fence"], ":op": row["op"]},

		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
}

// verdictOf says what it means that a condition did not hold.
func (c *claim) verdictOf(found map[int]item) error {
	if claim, refused := found[0]; refused {
		return c.gone(claim)
	}
	for _, it := range found {
		if numberOf(it["fence"]) != c.fence || numberOf(it["op"]) != c.journal.op {
			return errors.New("the journal has a record that this process did not write: is the table used by something else?")
		}
	}
	return nil // this very write was there already: only its answer was lost
}
