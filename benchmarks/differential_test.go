package benchmarks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/quirk"
)

// The kit is compared with golang-jwt: every token that the kit accepts must be accepted by golang-jwt, with the same key,
// issuer, audience, algorithms and clock skew, and both must read the same values. The opposite does not hold, because the
// kit also rejects tokens that have two meanings or that are of another kind.
//
// The kit accepts a few harmless deviations that golang-jwt rejects. The quirks of the token name them. For these,
// golang-jwt verifies the token without the deviation: see normalized. The only other exception is a number in the header
// that float64 cannot hold: golang-jwt decodes all parameters, and the kit only those that it uses. See readableHeader.

const (
	differentialAudience = "https://api.test"
	differentialSkew     = 10 * time.Second
)

// differentialIssuer has the keys of all algorithms that both libraries support.
var differentialIssuer = sync.OnceValue(func() *bearertest.Issuer {
	return bearertest.NewIssuer(bearertest.IssuerConfig{Audience: differentialAudience, Algorithms: differentialAlgorithms()})
})

func differentialAlgorithms() []string {
	return []string{"ES256", "RS256", "PS256", "ES384", "ES512", "EdDSA", "RS384", "RS512", "PS384", "PS512"}
}

// policy is a configuration for both libraries.
type policy struct {
	name string
	set  func(*consumer.Config)
}

func policies() []policy {
	return []policy{
		{"default", func(*consumer.Config) {}},
		{"relaxed", func(cfg *consumer.Config) {
			cfg.InsecureNoIssuer, cfg.InsecureNoAudience, cfg.InsecureAcceptIDToken = true, true, true
			cfg.ClientIDs = []string{"client"}
		}},
		{"rfc9068", func(cfg *consumer.Config) { cfg.Profile = consumer.ProfileRFC9068 }},
		{"keycloak", func(cfg *consumer.Config) { cfg.Profile = consumer.ProfileKeycloak }},
	}
}

// verifyWithKit returns the verified token and the deviations that it has. The Consumer is new, so that it reports all of
// them.
func verifyWithKit(t *testing.T, p policy, raw string) (*consumer.Token, []quirk.Quirk) {
	t.Helper()
	var quirks []quirk.Quirk
	cfg := consumer.Config{
		Issuer: differentialIssuer().URL(), Audience: []string{differentialAudience}, Algorithms: differentialAlgorithms(),
		Keys: differentialKeys(), ClockSkew: differentialSkew, CacheSize: -1,
		OnVerify: func(_ context.Context, v consumer.Verification) { quirks = v.Quirks },
	}
	p.set(&cfg)
	c, err := consumer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.Verify(t.Context(), raw)
	if (token == nil) != (err != nil) {
		t.Fatalf("token %v together with error %v", token, err)
	}
	return token, quirks
}

// differentialKeys contains one key for each algorithm.
var differentialKeys = sync.OnceValue(func() jwks.Static {
	var keys jwks.Static
	for _, alg := range differentialAlgorithms() {
		kid, public := differentialIssuer().Key(alg)
		keys = append(keys, jwks.Key{ID: kid, Algorithm: alg, Public: public})
	}
	return keys
})

// verifyWithGolangJWT verifies raw at the time now. It requires iss and aud unless the token has none and the policy allows
// that.
func verifyWithGolangJWT(raw string, now time.Time, claims map[string]any) (*jwt.Token, error) {
	skew := differentialSkew
	if seconds, ok := claims["exp"].(json.Number); ok && strings.ContainsAny(seconds.String(), ".eE") {
		skew += time.Second // golang-jwt drops the fraction of a second
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods(differentialAlgorithms()), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(skew),
		jwt.WithStrictDecoding(), jwt.WithJSONNumber(), jwt.WithTimeFunc(func() time.Time { return now }),
	}
	if _, ok := claims["iss"]; ok {
		options = append(options, jwt.WithIssuer(differentialIssuer().URL()))
	}
	if _, ok := claims["aud"]; ok {
		options = append(options, jwt.WithAudience(differentialAudience))
	}
	return jwt.NewParser(options...).Parse(raw, func(token *jwt.Token) (any, error) {
		_, public := differentialIssuer().Key(token.Method.Alg())
		return public, nil
	})
}

// differ verifies raw with both libraries. accepted reports whether the kit has accepted it. original is the draft that raw
// was signed from, for a second signature without the deviations.
func differ(t *testing.T, p policy, original draft, raw string) (accepted bool) {
	t.Helper()
	token, quirks := verifyWithKit(t, p, raw)
	if token == nil {
		return false
	}
	claims := decodePart(t, raw, 1)
	if p.name != "relaxed" && (claims["iss"] == nil || claims["aud"] == nil) {
		t.Fatalf("%s: accepted without iss or aud: %s", p.name, raw)
	}
	text := raw
	unreadable := original.readableHeader(t, raw)
	if normalized(claims, quirks) || unreadable {
		for name, value := range claims {
			if value == dropped {
				delete(claims, name)
			}
		}
		text = original.signClaims(claims)
	}
	other, err := verifyWithGolangJWT(text, token.VerifiedAt(), claims)
	if err != nil {
		t.Fatalf("%s: the kit accepts a token that golang-jwt rejects: %v\nquirks %v\n%s\n%s", p.name, err, quirks, raw, describe(raw))
	}
	for _, difference := range differences(token, other) {
		t.Errorf("%s: %s\nquirks %v\n%s\n%s", p.name, difference, quirks, raw, describe(raw))
	}
	return true
}

// dropped is the value of a claim that normalized removes.
const dropped = "\x00dropped"

// normalized marks the claims that are absent according to the quirks of the token. It returns false if there are none.
func normalized(claims map[string]any, quirks []quirk.Quirk) (changed bool) {
	for _, q := range quirks {
		if q.Name != quirk.NullMember && q.Name != quirk.EmptyMember {
			continue // the other deviations make no difference for golang-jwt
		}
		for _, name := range strings.Fields(claimsAt(q.Place)) {
			if v, ok := claims[name]; ok && (v == nil || v == "" || reflect.DeepEqual(v, []any{})) {
				claims[name], changed = dropped, true
			}
		}
	}
	return changed
}

// claimsAt returns the claims that the place of a quirk may mean.
func claimsAt(place string) string {
	switch place {
	case "claim of the client":
		return "client_id azp cid appid"
	case "claim of the scopes":
		return "scope scp"
	}
	return strings.TrimPrefix(place, "claim ")
}

// readableHeader removes header parameters with a number that float64 cannot hold, and reports whether there are any.
func (d *draft) readableHeader(t *testing.T, raw string) (changed bool) {
	t.Helper()
	header := decodePart(t, raw, 0)
	for name, value := range header {
		if _, ok := plainValue(value); !ok {
			delete(header, name)
			changed = true
		}
	}
	if changed {
		text, err := json.Marshal(header)
		if err != nil {
			t.Fatal(err)
		}
		d.headerText = string(text)
	}
	return changed
}

// decodePart decodes the header or the payload of raw with encoding/json.
func decodePart(t *testing.T, raw string, part int) map[string]any {
	t.Helper()
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		t.Fatalf("accepted with %d parts: %s", len(parts), raw)
	}
	text, err := jwt.NewParser(jwt.WithStrictDecoding()).DecodeSegment(parts[part])
	if err != nil {
		t.Fatalf("accepted with a part that is not base64url: %v: %s", err, raw)
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	var members map[string]any
	if err := decoder.Decode(&members); err != nil {
		t.Fatalf("accepted with a part that is not JSON: %v: %s", err, text)
	}
	return members
}

// describe returns the decoded header and claims, for the message of a failed test.
func describe(raw string) string {
	var lines []string
	for _, part := range strings.Split(raw, ".")[:2] {
		text, _ := jwt.NewParser().DecodeSegment(part)
		lines = append(lines, string(text))
	}
	return strings.Join(lines, "\n")
}

// differences says what the two libraries read differently.
func differences(got *consumer.Token, want *jwt.Token) (found []string) {
	claims, ok := want.Claims.(jwt.MapClaims)
	if !ok {
		return []string{"golang-jwt returned no MapClaims"}
	}
	compare := func(what string, got, want any) {
		if !reflect.DeepEqual(got, want) {
			found = append(found, fmt.Sprintf("%s: the kit reads %#v, golang-jwt reads %#v", what, got, want))
		}
	}
	issuer, err1 := claims.GetIssuer()
	if issuer == "" {
		issuer = differentialIssuer().URL() // InsecureNoIssuer
	}
	subject, err2 := claims.GetSubject()
	audience, err3 := claims.GetAudience()
	expiry, err4 := claims.GetExpirationTime()
	begin, err5 := claims.GetNotBefore()
	issued, err6 := claims.GetIssuedAt()
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		return []string{err.Error()}
	}
	compare("iss", got.Issuer(), issuer)
	compare("sub", got.Subject(), subject)
	compare("aud", slices.Concat(got.Audience()), []string(slices.Concat(audience)))
	compare("exp", second(got.Expiry()), dateOf(expiry))
	compare("nbf", second(got.NotBefore()), dateOf(begin))
	compare("iat", second(got.IssuedAt()), dateOf(issued))
	if id, ok := claims["jti"].(string); ok || claims["jti"] == nil {
		compare("jti", got.ID(), id)
	}
	for name, value := range claims {
		if plain, ok := plainValue(value); ok {
			kit, _ := got.Claim(name)
			compare("claim", kit, plain)
		}
	}
	for name, value := range want.Header {
		if name == "typ" && value == nil || name == "kid" && value == nil {
			continue
		}
		if plain, ok := plainValue(value); ok {
			kit, _ := got.Header(name)
			compare("header", kit, plain)
		}
	}
	return found
}

// second returns the seconds since 1970, and 0 for the zero time. golang-jwt treats the date 0 as absent, and drops the
// fraction of a second.
func second(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.Unix()
}

func dateOf(date *jwt.NumericDate) int64 {
	if date == nil {
		return 0
	}
	return second(date.Time)
}

// plainValue replaces each json.Number in value by a float64. ok is false if one is too large.
func plainValue(value any) (plain any, ok bool) {
	switch value := value.(type) {
	case json.Number:
		number, err := strconv.ParseFloat(value.String(), 64)
		return number, err == nil && !math.IsInf(number, 0)
	case []any:
		list := make([]any, len(value))
		for i := range value {
			if list[i], ok = plainValue(value[i]); !ok {
				return nil, false
			}
		}
		return list, true
	case map[string]any:
		members := make(map[string]any, len(value))
		for name := range value {
			if members[name], ok = plainValue(value[name]); !ok {
				return nil, false
			}
		}
		return members, true
	}
	return value, true
}

// FuzzDifferential changes the structure of a token as the program says, signs it, and verifies it with both libraries.
func FuzzDifferential(f *testing.F) {
	for i := range policies() {
		for op := range operations() {
			f.Add("", "", []byte{byte(i), byte(op), byte(op + i)})
		}
	}
	for _, shape := range acceptedShapes() {
		f.Add(shape.header, shape.claims, []byte{byte(shape.policy)})
	}
	f.Fuzz(func(t *testing.T, header, claims string, program []byte) {
		p, d := build(header, claims, program)
		differ(t, p, d, d.sign())
	})
}

// TestDifferentialRandom runs many random programs, so that the comparison is also part of an ordinary test run. It fails if
// the kit accepts too few of the tokens, because the comparison would then test little.
func TestDifferentialRandom(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	const programs = 3000
	accepted := make(map[string]int)
	for range programs {
		program := make([]byte, 1+random.IntN(12))
		for i := range program {
			program[i] = byte(random.UintN(256))
		}
		p, d := build("", "", program)
		if differ(t, p, d, d.sign()) {
			accepted[p.name]++
		}
		if t.Failed() {
			t.Fatalf("program %v", program)
		}
	}
	t.Logf("accepted of %d: %v", programs, accepted)
	for _, p := range policies() {
		if accepted[p.name] < programs/100 {
			t.Errorf("policy %s has accepted %d tokens, want at least 1 %% of %d", p.name, accepted[p.name], programs)
		}
	}
}

// TestDifferentialExceptions lists the accepted deviations by name. Each has a token that the kit accepts.
func TestDifferentialExceptions(t *testing.T) {
	t.Parallel()
	seen := make(map[quirk.Name]bool)
	for _, shape := range acceptedShapes() {
		p, d := build(shape.header, shape.claims, []byte{byte(shape.policy)})
		raw := d.sign()
		if !differ(t, p, d, raw) {
			t.Errorf("%s: rejected: %s", p.name, describe(raw))
			continue
		}
		_, quirks := verifyWithKit(t, p, raw)
		var got []string
		for _, q := range quirks {
			seen[q.Name] = true
			got = append(got, string(q.Name)+" in "+q.Place)
		}
		if strings.Join(got, ", ") != shape.quirks {
			t.Errorf("quirks %q, want %q: %s", strings.Join(got, ", "), shape.quirks, describe(raw))
		}
	}
	for _, name := range []quirk.Name{quirk.NullMember, quirk.EmptyMember, quirk.CaseVariant, quirk.NonceInAccessToken} {
		if !seen[name] {
			t.Errorf("no token has the quirk %s", name)
		}
	}
}
