package kinds

import (
	"fmt"
	"time"
)

// A setup makes a function's handler, for lambda.Start. It is called once for each process, before the first event.
type setup func(world) (handler any, err error)

// setups are the functions by their names.
func setups() map[string]setup {
	return map[string]setup{
		"stock":         always(stock),
		"page-careless": func(w world) (any, error) { return page{w.invoker(neverRetry)}.careless, nil },
		"page-careful":  func(w world) (any, error) { return page{w.invoker(neverRetry)}.careful, nil },
		"rollout":       func(w world) (any, error) { return rollout{w.client(neverRetry)}.deploy, nil },

		"price":           always(price),
		"basket-careless": func(w world) (any, error) { return newBasket(w.invoker(neverRetry)).careless, nil },
		"basket-careful":  func(w world) (any, error) { return newBasket(w.invoker(neverRetry)).careful, nil },
		"import-careless": func(w world) (any, error) { return importer{w.invoker(neverRetry)}.careless, nil },
		"import-careful":  func(w world) (any, error) { return importer{w.invoker(neverRetry)}.careful, nil },

		"checkout":        func(w world) (any, error) { return checkout{w.invoker(neverRetry)}.order, nil },
		"charge-careless": func(world) (any, error) { return newLedger(false).handle, nil },
		"charge-careful":  func(world) (any, error) { return newLedger(true).handle, nil },

		"queue":         func(w world) (any, error) { return queue{w.invoker(neverRetry)}.drain, nil },
		"mail-careless": func(world) (any, error) { return newMailer().careless, nil },
		"mail-careful":  func(world) (any, error) { return newMailer().careful, nil },

		"thumbnail-careless": always(thumbnailCareless),
		"thumbnail-careful":  always(thumbnailCareful),
		"resize-careless":    inLittleMemory(resizeCareless),
		"resize-careful":     inLittleMemory(resizeCareful),
		"report-careless":    always(reportCareless),
		"report-careful":     always(reportCareful),
		"letter-careless":    letterCareless,
		"letter-careful":     letterCareful,

		"rates-careless": withRates(0, (*rates).careless),
		"rates-careful":  withRates(300*time.Millisecond, (*rates).careful),

		"statement": statement,

		"lookup-careless": func(w world) (any, error) { return lookup{w.invoker(neverRetry)}.available, nil },
		"lookup-careful":  func(w world) (any, error) { return lookup{w.invoker(retryBriefly)}.available, nil },
	}
}

func always(handler any) setup { return func(world) (any, error) { return handler, nil } }

// Function returns the handler of a function, for lambda.Start. getenv reads the environment that Lambda sets.
func Function(name string, getenv func(string) string) (any, error) {
	set, ok := setups()[name]
	if !ok {
		return nil, fmt.Errorf("there is no function %q", name)
	}
	handler, err := set(world{getenv})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return handler, nil
}
