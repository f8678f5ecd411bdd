// Package logscan checks that no part of a token appears in a log or a response. It is for tests. Test helpers use [Logger]
// as the logger, call [Token] with each token that they send, and call [Text] with each response. [Main] fails the tests of
// the package if any of these texts contained a part of a token.
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

// window is the number of characters of a token that count as a part of it.
const window = 16

// scan is shared by all tests of the process, because a log line does not say which test wrote it.
var scan = struct { //nolint:gochecknoglobals // see above
	mu       sync.Mutex      // guards what follows
	secrets  [1 << 17]uint64 // a hash table of parts and words; a new entry replaces an old one in its place
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

// Token registers the parts of a token that is going to be sent, and its claims sub and jti.
func Token(raw string) {
	parts := strings.Split(raw, ".")
	scan.mu.Lock()
	defer scan.mu.Unlock()
	for _, part := range parts[min(1, len(parts)-1):] { // the header is not secret, and many tokens have the same header
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

// Text scans a log line or a response.
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

// isTelling reports whether a word identifies a token. Numbers and plain words such as client may appear in a log for other
// reasons.
func isTelling(word string) bool {
	return word == "alice" || len(word) > 4 && strings.ContainsAny(word, "0123456789") &&
		strings.IndexFunc(word, unicode.IsLetter) >= 0 && strings.IndexFunc(word, notInWord) < 0
}

func notInWord(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_'
}

// Report fails t if any text so far contained a part of a token.
func Report(t *testing.T) {
	t.Helper()
	scan.mu.Lock()
	defer scan.mu.Unlock()
	for _, finding := range scan.findings[:min(len(scan.findings), 5)] {
		t.Errorf("logscan: found a part of a token in %q", finding)
	}
}

// Response scans a response if its status is an error.
func Response(response *http.Response, body string) {
	if response.StatusCode >= http.StatusBadRequest {
		Text(fmt.Sprint(response.StatusCode, response.Header, body))
	}
}

// Main runs the tests of a package and returns the exit status of the process.
func Main(m *testing.M) int {
	fips.Prepare()
	status := m.Run()
	scan.mu.Lock()
	defer scan.mu.Unlock()
	for _, finding := range scan.findings[:min(len(scan.findings), 5)] {
		fmt.Fprintf(os.Stderr, "logscan: found a part of a token in %q\n", finding)
		status = 1
	}
	if testing.Verbose() {
		fmt.Fprintf(os.Stderr, "logscan: %d texts, %d findings\n", scan.texts, len(scan.findings))
	}
	return status
}
