package report_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/firedrill-dev/firedrill/report"
)

// browser finds a Chromium, or skips; if FIREDRILL_REQUIRE names chromium, its absence fails.
func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if slices.Contains(strings.Split(os.Getenv("FIREDRILL_REQUIRE"), ","), "chromium") {
		t.Fatal("FIREDRILL_REQUIRE names chromium, and there is none in the PATH")
	}
	t.Skip("no chromium in the PATH: the page is not opened in a real browser")
	return ""
}

// complaints collects what a browser holds against a page: errors, and requests for anything but the page.
type complaints struct {
	mu   sync.Mutex
	list []string
}

func (c *complaints) hear(ev any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch ev := ev.(type) {
	case *runtime.EventExceptionThrown:
		c.list = append(c.list, "exception: "+ev.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		c.list = append(c.list, fmt.Sprintf("console.%s", ev.Type))
	case *cdplog.EventEntryAdded:
		c.list = append(c.list, "log: "+ev.Entry.Text)
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(ev.Request.URL, "file:") && !strings.HasPrefix(ev.Request.URL, "data:") {
			c.list = append(c.list, "request: "+ev.Request.URL)
		}
	}
}

func (c *complaints) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.list
	c.list = nil
	return list
}

// look is what a page says about itself at one width.
type look struct {
	Overflow int      `json:"overflow"` // pixels that the page is wider than the window
	Charts   int      `json:"charts"`   // charts that are seen
	Empty    []string `json:"empty"`    // charts without a line of some length
	Small    []string `json:"small"`    // texts in charts of less than 8 pixels
	Dark     bool     `json:"dark"`
}

const inspect = `(() => {
	const seen = [...document.querySelectorAll('svg.chart')].filter(s => getComputedStyle(s).display !== 'none');
	const name = s => s.querySelector('title').textContent;
	return {
		overflow: document.documentElement.scrollWidth - window.innerWidth,
		charts: seen.length,
		empty: seen.filter(s => ![...s.querySelectorAll('path.curve')].some(p => p.getTotalLength() > 50)).map(name),
		small: seen.filter(s => s.querySelector('text').getBoundingClientRect().height < 8).map(name),
		dark: getComputedStyle(document.body).backgroundColor.match(/\d+/g).every(c => c < 60),
	};
})()`

func TestPagesInABrowser(t *testing.T) {
	path := browser(t)
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.UserDataDir(t.TempDir()))
	ctx, cancelBrowser := chromedp.NewExecAllocator(t.Context(), options...)
	defer cancelBrowser()
	ctx, closeTab := chromedp.NewContext(ctx)
	defer func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("close the browser: %v", err)
		}
		closeTab()
	}()
	heard := &complaints{}
	if err := chromedp.Listen(ctx, heard.hear); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	call(t, ctx, network.Enable, network.EnableParams{})
	call(t, ctx, runtime.Enable, cdp.Empty{})
	call(t, ctx, cdplog.Enable, cdp.Empty{})
	for name, charts := range map[string]int{"held": 4, "disproved": 3, "not-steady": 3, "left-behind": 3, "blind": 1, "failed": 0, "nothing": 0} {
		file := filepath.Join(t.TempDir(), name+".html")
		if err := os.WriteFile(file, render(t, func(w io.Writer) error { return report.HTML(w, fixtures[name]()) }), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, width := range []int64{390, 1280} {
			for _, scheme := range []string{"light", "dark"} {
				call(t, ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
					Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
				})
				call(t, ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1})
				got := open(t, ctx, file)
				if got.Overflow > 0 || got.Charts != charts || len(got.Empty) > 0 || len(got.Small) > 0 || got.Dark != (scheme == "dark") {
					t.Errorf("%s at %d, %s: %+v, want %d charts", name, width, scheme, got, charts)
				}
				if list := heard.take(); len(list) > 0 {
					t.Errorf("%s at %d: the browser complains: %q", name, width, list)
				}
			}
		}
	}
}

// call runs one command of the browser's protocol, and open looks at a page, both within a time that only a browser that
// hangs needs.
func call[P, R any](t *testing.T, ctx context.Context, command cdp.Command[P, R], params P) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if _, err := chromedp.Call(ctx, command, params); err != nil {
		t.Fatalf("%s: %v", command.Method, err)
	}
}

func open(t *testing.T, ctx context.Context, file string) look {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate("file://"+filepath.ToSlash(file))); err != nil {
		t.Fatalf("open %s: %v", file, err)
	}
	got, err := chromedp.Run(ctx, chromedp.Evaluate[look](inspect))
	if err != nil {
		t.Fatalf("inspect %s: %v", file, err)
	}
	return got
}
