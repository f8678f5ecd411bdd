package ssf_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/bearerkit/bearerkit/ssf"
)

// FuzzReceive signs SETs with arbitrary subjects and events. None may cause a panic. Each is either acceptable, or rejected for good
// without an entry in the Storage.
func FuzzReceive(f *testing.F) {
	for _, seed := range [][2]string{
		{`{"format":"iss_sub","iss":"https://issuer.test","sub":"alice"}`, `{"` + ssf.TypeSessionRevoked + `":{"event_timestamp":1}}`},
		{`{"format":"complex","user":{"format":"email","email":"a"},"session":{"format":"opaque","id":"s"}}`, `{"` + ssf.TypeAccountDisabled + `":{}}`},
		{`{"format":"aliases","identifiers":[{"format":"jwt_id","iss":"https://issuer.test","jti":"j"}]}`, `{"` + ssf.TypeTokenClaimsChange + `":{"claims":{}}}`},
		{`{"subject_type":"iss-sub","iss":"i","sub":"s"}`, `{"` + ssf.TypeCredentialChange + `":{"change_type":7,"event_timestamp":1e300}}`},
		{`{"format":"opaque","id":"x"}`, `{"` + ssf.TypeVerification + `":{"state":"x"},"":{}}`},
		{`null`, `[]`},
		{`{`, `{}`},
		{`{"format":null}`, `{"a":{"subject":{}}}`},
	} {
		f.Add(seed[0], seed[1])
	}
	w := newWorld(f, nil)
	f.Fuzz(func(t *testing.T, subject, events string) {
		if !json.Valid([]byte(subject)) || !json.Valid([]byte(events)) {
			return // package consumer rejects it, and has fuzz targets of its own
		}
		before := w.storage.saved()
		set := w.set("", nil, nil).Set("jti", subject+events).Set("sub_id", json.RawMessage(subject)).Set("events", json.RawMessage(events))
		err := w.receiver.Receive(t.Context(), set.Sign())
		if _, rejected := errors.AsType[*ssf.Error](err); err != nil && (!rejected || w.storage.saved() != before) {
			t.Errorf("Receive returned %v and saved %d entries", err, w.storage.saved()-before)
		}
	})
}
