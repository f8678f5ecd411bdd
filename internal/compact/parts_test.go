package compact_test

import (
	"encoding/base64"
	"errors"
	"testing"

	"github.com/bearerkit/bearerkit/internal/compact"
)

func TestPartsDecode(t *testing.T) {
	t.Parallel()
	long := make([]byte, 5000) // longer than the buffer of the decoder
	for i := range long {
		long[i] = byte(i)
	}
	encode := base64.RawURLEncoding.EncodeToString
	p, err := compact.Split(encode([]byte("header")) + "." + encode(long) + "." + encode([]byte("signature")))
	if err != nil {
		t.Fatal(err)
	}
	header, err := p.DecodeHeader()
	if header != "header" || err != nil {
		t.Errorf("DecodeHeader = %q, %v", header, err)
	}
	payload, err := p.DecodePayload()
	if payload != string(long) || err != nil {
		t.Errorf("DecodePayload = %d bytes, %v", len(payload), err)
	}
	signature, err := p.AppendSignature(nil)
	if string(signature) != "signature" || err != nil {
		t.Errorf("AppendSignature = %q, %v", signature, err)
	}
}

func TestPartsDecode_S1_OneSpellingOnly(t *testing.T) {
	t.Parallel()
	for _, segment := range []string{"A", "AB", "AAB", "AAAAA"} { // trailing bits, or an impossible length
		p, err := compact.Split(segment + "." + segment + "." + segment)
		if err != nil {
			t.Fatal(err)
		}
		_, header := p.DecodeHeader()
		_, payload := p.DecodePayload()
		_, signature := p.AppendSignature(nil)
		for _, err := range []error{header, payload, signature} {
			if !errors.Is(err, compact.ErrEncoding) {
				t.Errorf("%q: error %v, want ErrEncoding", segment, err)
			}
		}
	}
}
