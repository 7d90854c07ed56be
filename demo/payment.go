package demo

import (
	"context"
	"fmt"
	"time"
)

// authorize is how long the pretended card network takes.
const authorize = 10 * time.Millisecond

type charge struct {
	Order string `json:"order"`
	Cents int    `json:"cents"`
}

type authorization struct {
	Approved bool   `json:"approved"`
	Code     string `json:"code"`
}

// payment charges a card.
func payment(ctx context.Context, req charge) (authorization, error) {
	if req.Cents <= 0 {
		return authorization{}, fmt.Errorf("cannot charge %d cents", req.Cents)
	}
	if err := work(ctx, authorize); err != nil {
		return authorization{}, err
	}
	return authorization{Approved: true, Code: "auth-" + req.Order}, nil
}
