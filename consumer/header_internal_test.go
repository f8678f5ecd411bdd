package consumer

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// The memory is not to be seen from outside, so its bound is tested from within.
func TestHeaderMemoIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var memo headerMemo
		for i := range 10 * maxHeaders {
			add(t, &memo, i)
			if n := len(memo.known.Load().byText); n != min(i+1, maxHeaders) {
				t.Fatalf("%d headers cached after %d, want %d at most", n, i+1, maxHeaders)
			}
		}
		time.Sleep(headersLast)
		add(t, &memo, maxHeaders)
		if n := len(memo.known.Load().byText); n != 1 {
			t.Errorf("%d headers cached, want a full memory to start over in time", n)
		}
	})
}

// add reads the header of key number i, caches it twice, which must equal once, and reads it again.
func add(t *testing.T, memo *headerMemo, i int) {
	t.Helper()
	p := headerPart(fmt.Sprintf(`{"alg":"RS256","kid":"%d"}`, i))
	h, err := memo.read(p, defaultMaxHeaderBytes)
	if err != nil || h.keyID != strconv.Itoa(i) {
		t.Fatalf("read %d: %+v, %v", i, h, err)
	}
	memo.add(p.Header, h)
	memo.add(p.Header, h)
	if again, err := memo.read(p, defaultMaxHeaderBytes); err != nil || again.keyID != h.keyID || again.members.Raw() != h.members.Raw() {
		t.Fatalf("read %d again: %+v, %v", i, again, err)
	}
}

func TestHeaderMemoCachesOnlyVerifiedHeaders(t *testing.T) {
	t.Parallel()
	var memo headerMemo
	for _, text := range []string{`{"alg":"RS256"}`, `{"alg":"RS256","crit":[]}`, `{`} {
		_, _ = memo.read(headerPart(text), defaultMaxHeaderBytes)
	}
	if memo.known.Load() != nil {
		t.Error("headers were cached before their tokens were verified")
	}
}

func headerPart(text string) compact.Parts {
	return compact.Parts{Header: base64.RawURLEncoding.EncodeToString([]byte(text))}
}
