package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	t.Parallel()
	var stdout bytes.Buffer
	if err := run(t.Context(), nil, &stdout); err != nil {
		t.Fatalf("%v\n%s", err, &stdout)
	}
	if n := strings.Count(stdout.String(), "INSUFFICIENT_SCOPE orders:write"); n != 3 {
		t.Errorf("%d protocols say which scope is missing, want 3:\n%s", n, &stdout)
	}
}
