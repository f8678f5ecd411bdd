package bench

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// Limits of the tokens. docs/bounds.md lists them.
const (
	maxTokens    = 10_000
	maxToken     = 16 << 10 // bytes, as in consumer.Config.MaxTokenBytes
	maxTokenFile = 8 << 20  // bytes
	maxForged    = 256      // tokens with a wrong signature
)

// surelyExpired is how long ago a token must have expired so that every API rejects it. It is the largest clock skew that
// consumer.Config accepts.
const surelyExpired = 5 * time.Minute

// Tokens contains the tokens of a run. Neither list contains a token twice.
type Tokens struct {
	Valid   []string // for the kinds that the API must accept
	Expired []string // for the kind expired
}

// ParseTokens reads tokens from a text with one token in each line. It ignores empty lines and lines that begin with #. A JWT that
// expired more than 5 minutes before now goes to Tokens.Expired. The claims of a JWT are read, and not verified. Errors name the line,
// and contain no part of a token.
func ParseTokens(text []byte, now time.Time) (Tokens, error) {
	var tokens Tokens
	var faults []error
	known := make(map[string]bool)
	number := 0
	for line := range bytes.Lines(text) {
		number++
		token := strings.TrimSpace(string(line))
		if token == "" || token[0] == '#' || known[token] {
			continue
		}
		known[token] = true
		if len(known) > maxTokens {
			return Tokens{}, fmt.Errorf("bench: line %d: more than %d tokens", number, maxTokens)
		}
		if err := tokens.add(token, now); err != nil {
			faults = append(faults, fmt.Errorf("bench: line %d: %w", number, err))
		}
		if len(faults) == maxFaults {
			break
		}
	}
	return tokens, errors.Join(faults...)
}

// maxFaults is the number of lines that ParseTokens reports.
const maxFaults = 10

// add adds a token to the list that it belongs to.
func (t *Tokens) add(token string, now time.Time) error {
	if err := checkToken(token); err != nil {
		return err
	}
	var claims struct {
		Expiry *float64        `json:"exp"`
		Bound  json.RawMessage `json:"cnf"`
	}
	// The token may be opaque. Then nothing is known about it, and the API decides.
	if isJWT := client.InsecureDecode(token, &claims) == nil; !isJWT {
		t.Valid = append(t.Valid, token)
		return nil
	}
	if len(claims.Bound) > 0 {
		return errors.New("the token is bound to a key or certificate (cnf), expected a bearer token")
	}
	left := time.Duration(0)
	if claims.Expiry != nil {
		left = secondsUntil(*claims.Expiry, now)
	}
	switch {
	case left < -surelyExpired:
		t.Expired = append(t.Expired, token)
	case left < 0:
		return fmt.Errorf("the token expired %v ago; an API may accept it for up to %v because of clock skew. Use a newer or an older token",
			-left, surelyExpired)
	default:
		t.Valid = append(t.Valid, token)
	}
	return nil
}

// secondsUntil returns the time from now until an exp, in whole seconds. The result is at most a century in either direction.
func secondsUntil(exp float64, now time.Time) time.Duration {
	const century = 100 * 365 * 24 * 60 * 60
	seconds := min(max(exp-float64(now.Unix()), -century), century)
	return time.Duration(seconds) * time.Second
}

// checkToken returns an error if token cannot be sent in an Authorization header (RFC 6750, Section 2.1).
func checkToken(token string) error {
	if len(token) > maxToken {
		return fmt.Errorf("the token has %d bytes, expected at most %d", len(token), maxToken)
	}
	body := strings.TrimRight(token, "=")
	if body == "" || strings.ContainsFunc(body, notToken68) {
		return errors.New("the line is not a token: expected only letters, digits and the characters -._~+/ (one token per line)")
	}
	return nil
}

// notToken68 reports whether r cannot occur in a token68 before its padding (RFC 9110, Section 11.2).
func notToken68(r rune) bool {
	isLetter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	return !isLetter && (r < '0' || r > '9') && !strings.ContainsRune("-._~+/", r)
}

// forge returns up to maxForged tokens with wrong signatures. Each has the header and the claims of a valid token, so that an API
// finds the key and must check the signature. It returns nil if no token is a JWT with a signature.
func forge(valid []string) []string {
	var forged []string
	for _, token := range valid {
		dot := strings.LastIndexByte(token, '.')
		if strings.Count(token, ".") != 2 {
			continue
		}
		signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
		if err != nil || len(signature) == 0 {
			continue
		}
		for i := range maxForged {
			wrong := slices.Clone(signature)
			wrong[i%len(wrong)] ^= byte(1 + i/len(wrong)%255) // never 0, so that the byte changes
			forged = append(forged, token[:dot+1]+base64.RawURLEncoding.EncodeToString(wrong))
		}
		break
	}
	return forged
}
