package middleware_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

func TestLogOfAFloodIsSampled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		g := newGuard(t, middleware.Config{
			Verifier: rejectWith(&consumer.Error{Reason: consumer.ReasonSignature}), Logger: slog.New(slog.NewJSONHandler(&log, nil)),
		})
		flood := func(n int) (lines int) {
			log.Reset()
			for range n {
				serve(g.Handler(hello), request(t, "x"))
			}
			return strings.Count(log.String(), "\n")
		}
		if got := flood(10_000); got != 10 {
			t.Errorf("a flood wrote %d lines, want 10", got)
		}
		time.Sleep(10*time.Second - time.Nanosecond)
		if got := flood(1); got != 0 {
			t.Errorf("within the period: %d lines", got)
		}
		time.Sleep(time.Nanosecond)
		if got := flood(1); got != 1 || !strings.Contains(log.String(), `"suppressed":9991`) {
			t.Errorf("after the period: %d lines, %s", got, &log)
		}
		if got := flood(1); got != 1 || strings.Contains(log.String(), "suppressed") {
			t.Errorf("the next: %d lines, %s", got, &log)
		}
	})
}

// Any number of kinds, as tenants can cause, needs bounded memory, and every dropped line is counted.
func TestLogKindsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		logger := slog.New(slog.NewJSONHandler(&log, nil))
		refusal := &consumer.Error{Reason: consumer.ReasonSignature}
		next := 0
		verifier := verifierFunc(func(_ context.Context, _ string) (*consumer.Token, error) {
			next++
			e := *refusal
			e.Issuer = fmt.Sprint("https://", next, ".test")
			return nil, &e
		})
		g := newGuard(t, middleware.Config{Verifier: verifier, Logger: logger})
		for range 1000 {
			if w := serve(g.Handler(hello), request(t, "x")); w.Code != http.StatusUnauthorized {
				t.Fatalf("got %d", w.Code)
			}
		}
		if lines := strings.Count(log.String(), "\n"); lines != 256+10 {
			t.Errorf("%d lines, want one for each of 256 kinds and 10 for all others", lines)
		}
		time.Sleep(10 * time.Second)
		log.Reset()
		for range 1000 {
			serve(g.Handler(hello), request(t, "x"))
		}
		if !strings.Contains(log.String(), `"suppressed":734`) {
			t.Errorf("the number of dropped lines is missing")
		}
	})
}
