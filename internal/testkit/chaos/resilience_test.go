package chaos_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "write the figures of this run into docs/resilience.md")

const resilience = "../../../docs/resilience.md"

// levels are the rows of the table: the situation, the promise, and the test that measures it.
var levels = []struct{ name, situation, promise, test string }{
	{"rotation", "Keys rotate once under load; the new key signs at once, the old one stays published", "rejected valid tokens: 0", "Rotation"},
	{"rotation every 200 ms", "Keys rotate every 200 ms, with `MinRefetch` 1 ms", "rejected valid tokens: 0", "RotationEvery200ms"},
	{"announced rotation", "A new key is published one refresh period before it signs", "rejected valid tokens: 0, without a forced fetch", "AnnouncedRotation"},
	{"withdrawn key", "Cached tokens of a withdrawn key, after the refresh", "accepted: 0", "WithdrawnKey"},
	{"outage", "The issuer is down, within `StaleFor`", "rejected valid tokens: 0", "Outage"},
	{"outage past StaleFor", "The issuer is down for longer than `StaleFor`", "responses with 503: all", "Outage"},
	{"cold start, issuer down", "A process starts while the issuer is down", "responses with 503 and Retry-After: all", "ColdStart"},
	{"cold start, issuer back", "The issuer recovers after that", "first success within one back-off step", "ColdStart"},
	{"sleep", "The machine sleeps for 72 h, and the issuer is down afterwards", "first request: 503", "Sleep"},
	{"restart", "A process starts with a snapshot 23 h old while the issuer hangs", "first request: 200, at once", "Restart"},
	{"restart past StaleFor", "A process starts with a snapshot 25 h old while the issuer hangs", "first request: 503", "Restart"},
	{"deadline", "The issuer is slow, and requests have a deadline of 10 ms", "requests held past their deadline: 0", "Deadline"},
	{"cancelled requests", "Ten callers leave during one fetch", "the fetch continues", "Deadline"},
	{"random kids", "10 000 tokens with random `kid`s", "requests to the issuer at once: at most 3", "Floods"},
	{"rotation under attack", "Keys rotate while one token per second has a random `kid`; the new key signs at once", "valid tokens rejected for at most `MinRefetch`", "RotationUnderAttack"},
	{"outage under attack", "The issuer fails while ten tokens per second have a random `kid`, and keys are cached", "requests to the issuer: at most 1 per `MinRefetch`", "OutageUnderAttack"},
	{"bad signatures", "10 000 bad signatures with a known `kid`", "requests to the issuer at once: at most 1", "Floods"},
	{"random issuers", "10 000 random issuers, in a Group with `Resolve`", "requests to any issuer: 0", "Floods"},
	{"memory", "30 000 different forged tokens", "the heap does not grow", "Storm"},
	{"goroutines", "30 000 different forged tokens", "no goroutine remains", "Storm"},
}

var measured = struct {
	mu      sync.Mutex // guards figures
	figures map[string]string
}{figures: make(map[string]string)}

// promise fails the test if a level was not kept, and notes the figure for the table: that of virtual time, or of sockets
// if there is no other.
func promise(t *testing.T, w *world, name string, kept bool, figure string) {
	t.Helper()
	if !kept {
		t.Errorf("%s: %s", name, figure)
		return
	}
	measured.mu.Lock()
	defer measured.mu.Unlock()
	if _, known := measured.figures[name]; w.virtual || !known {
		measured.figures[name] = figure
	}
}

// table is what stands in the document. Numbers of requests are those of one run; what counts is before them.
func table() string {
	var b strings.Builder
	b.WriteString("| situation | promised | measured | test |\n|---|---|---|---|\n")
	for _, level := range levels {
		fmt.Fprintf(&b, "| %s | %s | %s | `TestChaosLevel%s` |\n", level.situation, level.promise, measured.figures[level.name], level.test)
	}
	return b.String()
}

// finish holds the table against the document when all tests have passed and all figures are there.
func finish(status int) int {
	if status != 0 || len(measured.figures) < len(levels) {
		return status
	}
	document, err := os.ReadFile(resilience)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	head, rest, found := strings.Cut(string(document), "<!-- levels -->\n")
	_, tail, ended := strings.Cut(rest, "<!-- end of levels -->\n")
	if !found || !ended {
		fmt.Fprintln(os.Stderr, resilience, "has no place for the levels")
		return 1
	}
	text := head + "<!-- levels -->\n" + table() + "<!-- end of levels -->\n" + tail
	switch {
	case text == string(document):
		return 0
	case *update:
		err = os.WriteFile(resilience, []byte(text), 0o600)
	default:
		err = fmt.Errorf("%s is not what was measured: run make resilience\n%s", resilience, table())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
