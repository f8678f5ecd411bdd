package consumer

import (
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// The memory is not to be seen from outside, so its bound is tested from within.
func TestHeaderMemoIsBounded(t *testing.T) {
	t.Parallel()
	var memo headerMemo
	for i := range 10 * maxHeaders {
		p := headerPart(fmt.Sprintf(`{"alg":"RS256","kid":"%d"}`, i))
		h, err := memo.read(p)
		if err != nil || h.keyID != fmt.Sprint(i) {
			t.Fatalf("read %d: %+v, %v", i, h, err)
		}
		memo.add(p.Header, h)
		memo.add(p.Header, h) // a second time changes nothing
		if again, err := memo.read(p); again != h || err != nil {
			t.Fatalf("read %d again: %+v, %v", i, again, err)
		}
		if n := len(*memo.known.Load()); n > maxHeaders {
			t.Fatalf("%d headers remembered, want %d at most", n, maxHeaders)
		}
	}
}

func TestHeaderMemoRemembersNothingUnasked(t *testing.T) {
	t.Parallel()
	var memo headerMemo
	for _, text := range []string{`{"alg":"RS256"}`, `{"alg":"RS256","crit":[]}`, `{`} {
		_, _ = memo.read(headerPart(text))
	}
	if memo.known.Load() != nil {
		t.Error("headers were remembered before their tokens were proven")
	}
}

func headerPart(text string) compact.Parts {
	return compact.Parts{Header: base64.RawURLEncoding.EncodeToString([]byte(text))}
}
