package statuslist

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/bearerkit/bearerkit/consumer"
)

// Tokens with many references do not fill the memory.
func TestReferencesAreBounded(t *testing.T) {
	t.Parallel()
	lists, err := New(Config{Issuer: "https://issuer.test"})
	if err != nil {
		t.Fatal(err)
	}
	for n := range maxReferences + 100 {
		token, err := consumer.NewToken("https://issuer.test", json.RawMessage(
			fmt.Sprintf(`{"status":{"status_list":{"idx":%d,"uri":"https://issuer.test/1"}}}`, n)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := lists.referenceOf(token); err != nil {
			t.Fatal(err)
		}
	}
	if got := lists.references.Stats(); got.Entries != maxReferences || got.Evicted != 100 {
		t.Errorf("%d references, %d evicted, want %d and 100", got.Entries, got.Evicted, maxReferences)
	}
}
