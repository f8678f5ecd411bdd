// Package logscan sees to it that nothing of a token gets into a log or an answer. It is for tests: their helpers make
// every log go to [Logger], tell [Token] what they send, and show [Text] what comes back; [Main] fails the package if any
// of it held a piece of a token.
package logscan

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/bearerkit/bearerkit/internal/testkit/fips"
)

// window is how long a piece of a token is that counts as one.
const window = 16

// scan is one for the process: logs don't know which test they are of.
var scan = struct { //nolint:gochecknoglobals // see above
	mu       sync.Mutex      // guards what follows
	secrets  [1 << 17]uint64 // hashes of pieces and words, the last to come in their place: of a fixed size, and no token
	findings []string
	texts    int
}{}

var seed = maphash.MakeSeed() //nolint:gochecknoglobals // see above

func place(text string) (hash uint64, at *uint64) {
	hash = maphash.String(seed, text)
	return hash, &scan.secrets[hash%uint64(len(scan.secrets))]
}

func keep(text string) {
	hash, at := place(text)
	*at = hash
}

func isKept(text string) bool {
	hash, at := place(text)
	return *at == hash
}

// Logger returns a logger at the lowest level whose output is scanned.
func Logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(writer{}, &slog.HandlerOptions{Level: slog.LevelDebug - 4}))
}

type writer struct{}

// Write implements [io.Writer].
func (writer) Write(p []byte) (int, error) {
	Text(string(p))
	return len(p), nil
}

var _ io.Writer = writer{}

// Token registers a token that is about to be used: its parts, and what it says of people.
func Token(raw string) {
	parts := strings.Split(raw, ".")
	scan.mu.Lock()
	defer scan.mu.Unlock()
	for _, part := range parts[min(1, len(parts)-1):] { // a header is no secret, and the same in many tokens
		if len(part) >= window {
			keep(part[:window])
			keep(part[len(part)-window:])
		}
	}
	if len(parts) != 3 {
		return
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct{ Sub, Jti any }
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return
	}
	for _, claim := range []any{claims.Sub, claims.Jti} {
		if text, ok := claim.(string); ok && isTelling(text) {
			keep(text)
		}
	}
}

// Text scans what was logged, or answered.
func Text(text string) {
	scan.mu.Lock()
	defer scan.mu.Unlock()
	scan.texts++
	for i := 0; i+window <= len(text); i++ {
		if isKept(text[i : i+window]) {
			scan.findings = append(scan.findings, text)
			return
		}
	}
	for word := range strings.FieldsFuncSeq(text, notInWord) {
		if isTelling(word) && isKept(word) {
			scan.findings = append(scan.findings, text)
			return
		}
	}
}

// isTelling leaves out what may stand in a log for another reason, as the word client and numbers do.
func isTelling(word string) bool {
	return word == "alice" || len(word) > 4 && strings.ContainsAny(word, "0123456789") &&
		strings.IndexFunc(word, unicode.IsLetter) >= 0 && strings.IndexFunc(word, notInWord) < 0
}

func notInWord(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_'
}

// Report fails t if anything was found so far.
func Report(t *testing.T) {
	t.Helper()
	scan.mu.Lock()
	defer scan.mu.Unlock()
	for _, finding := range scan.findings[:min(len(scan.findings), 5)] {
		t.Errorf("logscan: a piece of a token in %q", finding)
	}
}

// Answer scans what a client gets to see of a refusal.
func Answer(response *http.Response, body string) {
	if response.StatusCode >= http.StatusBadRequest {
		Text(fmt.Sprint(response.StatusCode, response.Header, body))
	}
}

// Main runs the tests of a package and returns its exit status.
func Main(m *testing.M) int {
	fips.Prepare()
	status := m.Run()
	scan.mu.Lock()
	defer scan.mu.Unlock()
	for _, finding := range scan.findings[:min(len(scan.findings), 5)] {
		fmt.Fprintf(os.Stderr, "logscan: a piece of a token in %q\n", finding)
		status = 1
	}
	if testing.Verbose() {
		fmt.Fprintf(os.Stderr, "logscan: %d texts, %d findings\n", scan.texts, len(scan.findings))
	}
	return status
}
