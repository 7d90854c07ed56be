package dynamostate

import (
	"sync/atomic"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// A clock tells DynamoDB's time, on which all machines that share a table agree.
type clock struct {
	now    func() time.Time // this machine's; tests set it wrong
	offset atomic.Int64     // what to add to it, in nanoseconds
}

// tolerance is by how much a clock may differ unnoticed. Answers tell whole seconds, and take a moment to arrive.
const tolerance = 2 * time.Second

// saw learns from an answer.
func (c *clock) saw(answer middleware.Metadata) {
	theirs, ok := awsmiddleware.GetServerTime(answer)
	if !ok {
		return
	}
	offset := theirs.Add(500 * time.Millisecond).Sub(c.now().Round(0))
	if offset.Abs() <= tolerance {
		offset = 0
	}
	c.offset.Store(int64(offset))
}

func (c *clock) time() time.Time { return c.now().Round(0).Add(time.Duration(c.offset.Load())) }
