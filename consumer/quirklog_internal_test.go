package consumer

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/quirk"
)

var (
	nullNotBefore = quirk.Quirk{Name: quirk.NullMember, Place: "claim nbf", RFC: "RFC 7519 section 4.1.5"}
	nullKeyID     = quirk.Quirk{Name: quirk.NullMember, Place: "header kid", RFC: "RFC 7515 section 4.1.4"}
	padded        = quirk.Quirk{Name: quirk.Base64Padding, Place: "key n", RFC: "RFC 7518 section 6.3.1.1"}
)

// quirkConsumer returns a Consumer, the lists that its OnVerify received, and its log.
func quirkConsumer(t *testing.T) (*Consumer, *[][]quirk.Quirk, *bytes.Buffer) {
	t.Helper()
	secret, err := jwks.Secret(make([]byte, 32), "HS256")
	if err != nil {
		t.Fatal(err)
	}
	lines, lists := new(bytes.Buffer), new([][]quirk.Quirk)
	c, err := New(Config{
		Issuer: "https://issuer.test", Audience: []string{"https://api.test"}, Keys: secret,
		Logger:   slog.New(slog.NewTextHandler(lines, &slog.HandlerOptions{Level: slog.LevelDebug})),
		OnVerify: func(_ context.Context, v Verification) { *lists = append(*lists, v.Quirks) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, lists, lines
}

func TestEachQuirkIsReportedOnce(t *testing.T) {
	t.Parallel()
	c, lists, lines := quirkConsumer(t)
	verify := func(found ...quirk.Quirk) {
		c.quirks.add(t.Context(), found...)
		_, _ = c.Verify(t.Context(), "x")
	}
	verify()
	verify(nullKeyID, nullNotBefore)
	verify(nullNotBefore)
	verify()
	want := [][]quirk.Quirk{nil, {nullNotBefore, nullKeyID}, nil, nil}
	if diff := cmp.Diff(want, *lists); diff != "" {
		t.Errorf("Verification.Quirks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]quirk.Quirk{nullNotBefore, nullKeyID}, c.Health().Quirks); diff != "" {
		t.Errorf("Health.Quirks (-want +got):\n%s", diff)
	}
	for _, line := range []string{
		`level=DEBUG msg="deviation accepted" issuer=https://issuer.test quirk=null_member place="claim nbf" rfc="RFC 7519 section 4.1.5"`,
		`place="header kid"`,
	} {
		if got := strings.Count(lines.String(), line); got != 1 {
			t.Errorf("%d log lines contain %q, want 1:\n%s", got, line, lines)
		}
	}
}

// Config.KeyCache.OnRefresh reports the quirks of key sets, so OnVerify does not.
func TestQuirksOfKeysAreNotInVerification(t *testing.T) {
	t.Parallel()
	c, lists, _ := quirkConsumer(t)
	c.quirks.addReported(t.Context(), padded)
	_, _ = c.Verify(t.Context(), "x")
	if diff := cmp.Diff([][]quirk.Quirk{nil}, *lists); diff != "" {
		t.Errorf("Verification.Quirks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]quirk.Quirk{padded}, c.Health().Quirks); diff != "" {
		t.Errorf("Health.Quirks (-want +got):\n%s", diff)
	}
}

func TestQuirksAreCollectedConcurrently(t *testing.T) {
	t.Parallel()
	c, _, _ := quirkConsumer(t)
	var reported sync.Map
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			c.quirks.add(t.Context(), nullNotBefore, nullKeyID)
			for _, q := range c.quirks.report() {
				if _, twice := reported.LoadOrStore(q, true); twice {
					t.Errorf("%v is reported twice", q)
				}
			}
		})
	}
	all.Wait()
	for _, q := range []quirk.Quirk{nullNotBefore, nullKeyID} {
		if _, once := reported.Load(q); !once {
			t.Errorf("%v is never reported", q)
		}
	}
}
