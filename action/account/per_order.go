package account

import "context"

// perOrder makes the change that an order asks for, where what it means depends on more than the resource.
type perOrder func(o order) change

func (p perOrder) find(ctx context.Context, name string) (string, error) {
	return p(order{}).find(ctx, name)
}

func (p perOrder) prepare(ctx context.Context, o order) (prepared, error) {
	return p(o).prepare(ctx, o)
}

func (p perOrder) apply(ctx context.Context, o order, s states) error { return p(o).apply(ctx, o, s) }

func (p perOrder) revert(ctx context.Context, o order, s states) (string, error) {
	return p(o).revert(ctx, o, s)
}

func (p perOrder) inEffect(ctx context.Context, o order, s states) (bool, error) {
	return p(o).inEffect(ctx, o, s)
}

func (p perOrder) rehearse(ctx context.Context, o order) error { return p(o).rehearse(ctx, o) }

// checked looks at what else the change needs before it prepares.
type checked struct {
	change
	check func(ctx context.Context) error
}

func (c checked) prepare(ctx context.Context, o order) (prepared, error) {
	if err := c.check(ctx); err != nil {
		return prepared{}, err
	}
	return c.change.prepare(ctx, o)
}
