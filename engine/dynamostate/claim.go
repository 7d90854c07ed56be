package dynamostate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/firedrill-dev/firedrill/engine"
)

// A claim is this process's hold of a run. One goroutine makes all requests that write to the run, so that they do not
// get into each other's way; the others leave it their lines and wait.
type claim struct {
	table  *Table
	run    string
	holder string
	fence  int64

	wake chan struct{}   // there are lines
	ask  chan chan error // somebody wants to know whether the claim is still ours
	quit chan bool       // Release; whether everything is put back
	over chan struct{}   // closed when the goroutine has returned

	mu      sync.Mutex
	queue   []line
	renewed time.Time // when the last extension that succeeded was asked for
	doubted time.Time // when one last failed
	doubt   error
	lost    error // what Append returns from now on

	journal journal // the goroutine's own
}

// heldError is engine.ErrHeld with what is known of the holder.
type heldError struct {
	host string
	left time.Duration
}

// Error says who has the run.
func (e *heldError) Error() string { return fmt.Sprintf("%s is at this run", e.host) }

// Is makes it an engine.ErrHeld.
func (e *heldError) Is(target error) bool { return target == engine.ErrHeld }

// Hint says how long to wait if nobody is there any more.
func (e *heldError) Hint() string {
	return fmt.Sprintf("end it first: firedrill stop; if %s was killed, its claim ends in %s", e.host, e.left.Round(time.Second))
}

// Claim begins a run, or takes over one whose process is gone.
func (t *Table) Claim(ctx context.Context, run string, fresh bool) (engine.Claim, error) {
	c := &claim{
		table: t, run: run, holder: token(),
		wake: make(chan struct{}, 1), ask: make(chan chan error), quit: make(chan bool, 1), over: make(chan struct{}),
	}
	take := c.takeOver
	if fresh {
		take = c.begin
	}
	c.renewed = t.clock.now()
	if err := take(ctx); err != nil {
		return nil, err
	}
	go c.work(context.WithoutCancel(ctx))
	return c, nil
}

func (c *claim) expires() types.AttributeValue {
	return number(c.table.clock.time().Add(c.table.at.Lease).UnixMilli())
}

// begin writes a new run down.
func (c *claim) begin(ctx context.Context) error {
	t := c.table
	if _, err := t.query(ctx, "note#killswitch", "head", "head"); err != nil { // learns the time before it counts
		return err
	}
	c.fence, c.journal.next = 1, 1
	row := key(runKey(c.run), claimItem)
	row["holder"], row["host"], row["fence"], row["expires"] = text(c.holder), text(me()), number(c.fence), c.expires()
	listed := key(allRuns, c.run)
	_, err := call(ctx, t, callBudget, "begin a run in", &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: &t.at.Table, Item: row, ConditionExpression: aws.String("attribute_not_exists(pk)"), ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}},
		{Put: &types.Put{TableName: &t.at.Table, Item: listed}},
	}}, t.api.TransactWriteItems)
	if there, refused := refusedItems(err); refused && textOf(there[0]["holder"]) == c.holder {
		return nil // it was written, but the answer was lost
	}
	return err
}

// takeOver raises the fence of a run whose claim has ended. Of several who try, one does.
func (c *claim) takeOver(ctx context.Context) error {
	t := c.table
	found, err := t.query(ctx, runKey(c.run), claimItem, claimItem)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("run %s is not in %s: %w", c.run, t.Name(), fs.ErrNotExist)
	}
	was := found[0]
	if t.live(was) {
		return t.heldBy(was)
	}
	c.fence = numberOf(was["fence"]) + 1
	_, err = call(ctx, t, callBudget, "take over a run in", &dynamodb.UpdateItemInput{
		TableName: &t.at.Table, Key: key(runKey(c.run), claimItem),
		UpdateExpression:          aws.String("SET holder = :holder, host = :host, fence = :fence, expires = :expires, released = :no"),
		ConditionExpression:       aws.String("fence = :was AND expires = :until"),
		ExpressionAttributeValues: item{":holder": text(c.holder), ":host": text(me()), ":fence": number(c.fence), ":expires": c.expires(), ":no": boolean(false), ":was": was["fence"], ":until": was["expires"]},

		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}, t.api.UpdateItem)
	if now, refused := refusedItem(err); refused && textOf(now["holder"]) != c.holder {
		return t.heldBy(now)
	} else if err != nil && !refused {
		return err
	}
	return c.findEnd(ctx)
}

func (t *Table) heldBy(claim item) error {
	return &heldError{hostOf(claim), time.UnixMilli(numberOf(claim["expires"])).Sub(t.clock.time())}
}

// findEnd finds where the journal goes on.
func (c *claim) findEnd(ctx context.Context) error {
	t := c.table
	out, err := call(ctx, t, callBudget, "read", &dynamodb.QueryInput{
		TableName: &t.at.Table, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false), Limit: aws.Int32(1),
		KeyConditionExpression:    aws.String("pk = :pk AND begins_with(sk, :sk)"),
		ExpressionAttributeValues: item{":pk": text(runKey(c.run)), ":sk": text(journalKey)},
	}, t.api.Query)
	if err != nil {
		return err
	}
	c.journal.next = 1
	if len(out.Items) > 0 {
		var last int64
		if _, err := fmt.Sscanf(textOf(out.Items[0][sortKey]), journalKey+"%d", &last); err != nil {
			return fmt.Errorf("read the journal of run %s in %s: the item %q has no number", c.run, t.Name(), textOf(out.Items[0][sortKey]))
		}
		c.journal.next = last + 1
	}
	return nil
}

// ours is the condition that the claim is still this process's, and extends it.
func (c *claim) ours() *types.Update {
	return &types.Update{
		TableName: &c.table.at.Table, Key: key(runKey(c.run), claimItem),
		UpdateExpression:          aws.String("SET expires = :expires"),
		ConditionExpression:       aws.String("holder = :holder AND fence = :fence"),
		ExpressionAttributeValues: item{":holder": text(c.holder), ":fence": number(c.fence), ":expires": c.expires()},

		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}

// renew extends the claim.
func (c *claim) renew(ctx context.Context) error {
	asked, u := c.table.clock.now(), c.ours()
	out, err := call(ctx, c.table, c.budget(), "extend the claim of run "+c.run+" in", &dynamodb.UpdateItemInput{
		TableName: u.TableName, Key: u.Key, UpdateExpression: u.UpdateExpression, ConditionExpression: u.ConditionExpression,
		ExpressionAttributeValues: u.ExpressionAttributeValues, ReturnValuesOnConditionCheckFailure: u.ReturnValuesOnConditionCheckFailure,
	}, c.table.api.UpdateItem)
	if now, refused := refusedItem(err); refused {
		err = c.gone(now)
	}
	if err == nil {
		c.table.clock.saw(out.ResultMetadata)
	}
	c.learned(asked, err)
	return err
}

// gone says why the claim is not this process's.
func (c *claim) gone(now item) error {
	if now == nil {
		return fmt.Errorf("the claim of run %s is no longer in %s", c.run, c.table.Name())
	}
	return fmt.Errorf("run %s: %w (%s)", c.run, engine.ErrLost, hostOf(now))
}

// learned remembers how an extension went.
func (c *claim) learned(asked time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doubt = err
	switch {
	case err == nil:
		c.renewed = asked
	case errors.Is(err, engine.ErrLost):
		c.lost = err
	default:
		c.doubted = c.table.clock.now()
	}
}

// budget is short while the table does not answer.
func (c *claim) budget() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.doubt != nil {
		return shortBudget
	}
	return callBudget
}

// certain is for how long an extension is relied on.
func (c *claim) certain() time.Duration { return c.table.at.Lease * 2 / 3 }

// Held is certain for two thirds of the lease. Then it asks, and where nobody answers, not again at once.
func (c *claim) Held(ctx context.Context) error {
	c.mu.Lock()
	now := c.table.clock.now()
	age := max(now.Sub(c.renewed), now.Round(0).Sub(c.renewed.Round(0))) // one of the clocks stands still while the machine sleeps
	lost, doubt, again := c.lost, c.doubt, now.Sub(c.doubted) > shortBudget
	c.mu.Unlock()
	switch {
	case lost != nil:
		return lost
	case age < c.certain():
		return nil
	case doubt != nil && !again:
		return doubt
	}
	answer := make(chan error, 1)
	select {
	case c.ask <- answer:
	case <-c.over:
		return errReleased
	case <-ctx.Done():
		return fmt.Errorf("is run %s still this process's: %w", c.run, context.Cause(ctx))
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("is run %s still this process's: %w", c.run, context.Cause(ctx))
	}
}

var errReleased = errors.New("the run was released")

// work makes all requests of the claim until it is released.
func (c *claim) work(ctx context.Context) {
	defer close(c.over)
	beat := time.NewTicker(c.table.at.Lease / 6)
	defer beat.Stop()
	for {
		select {
		case <-c.wake:
			c.flush(ctx)
		case <-beat.C:
			if c.mine() {
				_ = c.renew(ctx) // Held tells
			}
		case answer := <-c.ask:
			answer <- c.renew(ctx)
		case everything := <-c.quit:
			c.flush(ctx)
			c.end(ctx, everything)
			return
		}
	}
}

func (c *claim) mine() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost == nil
}

// Release writes what is still to be written, gives the run back and, if everything is put back, its targets. Where
// the table does not answer, the claim ends by itself.
func (c *claim) Release(everything bool) {
	select {
	case c.quit <- everything:
	default: // it is released already
	}
	<-c.over
	c.refuse(errReleased)
}

func (c *claim) end(ctx context.Context, everything bool) {
	if !c.mine() {
		return
	}
	if everything {
		_ = c.unlock(ctx) // where it fails, whoever wants them next looks into the journal
	}
	u := c.ours()
	u.ExpressionAttributeValues[":yes"] = boolean(true)
	_, _ = call(ctx, c.table, c.budget(), "release", &dynamodb.UpdateItemInput{
		TableName: u.TableName, Key: u.Key, UpdateExpression: aws.String("SET expires = :expires, released = :yes"), ConditionExpression: u.ConditionExpression,
		ExpressionAttributeValues: u.ExpressionAttributeValues,
	}, c.table.api.UpdateItem)
}
