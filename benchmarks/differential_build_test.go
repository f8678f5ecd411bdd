package benchmarks_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
)

// member is a name and a value as JSON text.
type member struct{ name, value string }

// draft is a token that is not signed yet. Its members may have any order and repeated names.
type draft struct {
	header, claims         []member
	headerText, claimsText string // instead of the members, if not empty
	space                  string // between the members
	algorithm              string // of the key that signs; "none": no signature
	foreign                bool   // sign with the key of another issuer
	secret                 bool   // sign with the public key as an HMAC secret
	edits                  []func(raw string) string
}

// baseDraft has the members of an ordinary access token that every policy accepts.
func baseDraft() draft {
	now := time.Now().Unix()
	text := func(value string) string { return strconv.Quote(value) }
	return draft{
		algorithm: "ES256",
		header:    []member{{"alg", text("ES256")}, {"kid", text("")}, {"typ", text("at+jwt")}},
		claims: []member{
			{"iss", text(differentialIssuer().URL())},
			{"aud", text(differentialAudience)},
			{"sub", text("alice")},
			{"client_id", text("client")},
			{"exp", fmt.Sprint(now + 3600)},
			{"iat", fmt.Sprint(now)},
			{"jti", text("1")},
			{"typ", text("Bearer")},
			{"scope", text("a b")},
		},
	}
}

// sign returns the token. It is "" if it cannot be signed.
func (d draft) sign() string {
	issuer := differentialIssuer()
	key := issuer
	if d.foreign {
		key = foreignIssuer
	}
	token := key.Token("", nil).Algorithm(d.algorithm)
	if d.algorithm == "none" {
		token = key.Token("", nil).SignWith("none", nil)
	}
	if d.secret {
		token = issuer.Token("", nil).SignWith("HS256", issuer.PEM("RS256"))
	}
	header, claims := object(d.header, d.space), object(d.claims, d.space)
	if d.headerText != "" {
		header = d.headerText
	}
	if d.claimsText != "" {
		claims = d.claimsText
	}
	with := func(text string) func([]byte) []byte { return func([]byte) []byte { return []byte(text) } }
	raw := token.EditHeader(with(header)).EditClaims(with(claims)).Sign()
	for _, edit := range d.edits {
		raw = edit(raw)
	}
	return raw
}

// foreignIssuer has other keys, with the same key ids.
var foreignIssuer = bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://foreign.test"})

// signClaims signs other claims with the same header and key, and without the edits of the text.
func (d draft) signClaims(claims map[string]any) string {
	text, err := json.Marshal(claims)
	if err != nil {
		return err.Error()
	}
	d.claimsText, d.edits = string(text), nil
	return d.sign()
}

// object returns the JSON text of an object.
func object(members []member, space string) string {
	var b strings.Builder
	b.WriteString(space + "{" + space)
	for i, m := range members {
		if i > 0 {
			b.WriteString("," + space)
		}
		name := m.name
		if !strings.HasPrefix(name, `"`) { // a name may be given as JSON text with escape sequences
			quoted, _ := json.Marshal(name) //nolint:errchkjson // a string
			name = string(quoted)
		}
		b.WriteString(name + space + ":" + space + m.value)
	}
	return b.String() + space + "}" + space
}

// build reads a program: the first byte selects the policy, and the others select operations and their arguments. header and
// claims replace the base, if they are not empty.
func build(header, claims string, program []byte) (policy, draft) {
	d := baseDraft()
	d.headerText, d.claimsText = header, claims
	in := reader(program)
	p := policies()[in.choose(len(policies()))]
	if claims == "" {
		d.set(&d.header, "kid", strconv.Quote(keyID(d.algorithm)))
	}
	ops := operations()
	for n := 0; n < maxOperations && len(in) > 0; n++ {
		ops[in.choose(len(ops))](&d, &in)
	}
	return p, d
}

// A program may repeat operations that double the length of a value. These limits keep each token small.
const (
	maxOperations = 32
	maxValue      = 2 << 10
)

func keyID(alg string) string {
	kid, _ := differentialIssuer().Key(alg)
	return kid
}

// reader reads the arguments of operations. It returns 0 after the end.
type reader []byte

func (r *reader) choose(n int) int {
	if len(*r) == 0 {
		return 0
	}
	b := (*r)[0]
	*r = (*r)[1:]
	return int(b) % n
}

// pick returns one of the texts.
func (r *reader) pick(texts []string) string { return texts[r.choose(len(texts))] }

// set replaces the value of the member, or adds it.
func (d *draft) set(members *[]member, name, value string) {
	for i, m := range *members {
		if m.name == name {
			(*members)[i].value = value
			return
		}
	}
	*members = append(*members, member{name, value})
}

// operations returns the changes that a program can make.
func operations() []func(d *draft, in *reader) {
	return []func(d *draft, in *reader){
		func(d *draft, in *reader) { d.set(&d.claims, in.pick(claimNames()), in.pick(values())) },
		func(d *draft, in *reader) { d.set(&d.claims, in.pick(dates()), in.date()) },
		func(d *draft, in *reader) { d.claims = without(d.claims, in.pick(claimNames())) },
		func(d *draft, in *reader) {
			d.claims = append(d.claims, member{in.pick(claimNames()), in.pick(values())})
		},
		func(d *draft, in *reader) {
			d.claims = append(d.claims, member{variant(in.pick(claimNames()), in), in.pick(values())})
		},
		func(d *draft, in *reader) { escapeName(d.claims, in) },
		func(d *draft, in *reader) { swap(d.claims, in) },
		func(d *draft, in *reader) { wrap(d.claims, in) },
		func(d *draft, in *reader) { d.set(&d.header, in.pick(parameters()), in.pick(values())) },
		func(d *draft, in *reader) { d.header = without(d.header, in.pick(parameters())) },
		func(d *draft, in *reader) {
			d.header = append(d.header, member{in.pick(parameters()), in.pick(values())})
		},
		func(d *draft, in *reader) {
			d.header = append(d.header, member{variant(in.pick(parameters()), in), in.pick(values())})
		},
		func(d *draft, in *reader) { escapeName(d.header, in) },
		func(d *draft, in *reader) { d.set(&d.header, "typ", in.pick(types())) },
		func(d *draft, in *reader) { d.use(in.pick(differentialAlgorithms())) },
		func(d *draft, in *reader) { d.set(&d.header, "alg", strconv.Quote(in.pick(algorithmNames()))) },
		func(d *draft, in *reader) {
			d.set(&d.header, "kid", strconv.Quote(keyID(in.pick(differentialAlgorithms()))))
		},
		func(d *draft, in *reader) { d.space = in.pick([]string{"", " ", "\n", "\t", "\r\n", "\u00a0", "\x00"}) },
		func(d *draft, in *reader) { d.foreign = in.choose(4) == 0 },
		func(d *draft, in *reader) { d.unsigned(in) },
		func(d *draft, in *reader) { d.edits = append(d.edits, textEdit(in)) },
	}
}

// use signs with the key of alg and says so in the header.
func (d *draft) use(alg string) {
	d.algorithm = alg
	d.set(&d.header, "alg", strconv.Quote(alg))
	d.set(&d.header, "kid", strconv.Quote(keyID(alg)))
}

// unsigned replaces the signature by none, or by one with the public key as a secret.
func (d *draft) unsigned(in *reader) {
	switch in.choose(4) {
	case 0:
		d.algorithm = "none"
		d.set(&d.header, "alg", strconv.Quote(in.pick([]string{"none", "None", "nOnE", ""})))
	case 1:
		d.secret = true
		d.set(&d.header, "alg", `"HS256"`)
		d.set(&d.header, "kid", strconv.Quote(keyID("RS256")))
	}
}

func claimNames() []string {
	return []string{
		"iss", "aud", "sub", "client_id", "azp", "exp", "iat", "nbf", "jti", "scope", "scp", "nonce", "at_hash", "cnf", "typ",
		"token_use", "auth_time", "amr", "roles", "role", "ext", "events", "acr", "",
	}
}

func dates() []string { return []string{"exp", "iat", "nbf"} }

func parameters() []string {
	return []string{"alg", "kid", "typ", "cty", "crit", "b64", "jwk", "jku", "x5c", "x5t", "zip", "enc", "nonce", "x", ""}
}

func types() []string {
	return []string{`"JWT"`, `"at+jwt"`, `"application/at+jwt"`, `"AT+JWT"`, `"logout+jwt"`, `""`, `null`, `1`, `"dpop+jwt"`}
}

func algorithmNames() []string {
	return append(differentialAlgorithms(), "none", "HS256", "Ed25519", "ES256K", "es256", "", "RS1", "A128KW")
}

// values returns JSON texts, most of them of the wrong type for most claims.
func values() []string {
	return []string{
		"null", `""`, "[]", "{}", "0", "-0", "1", "-1", "1.5", "1e400", "-1e400", "1e-400", "true", "false", `"a"`, `"client"`, `"a b"`,
		`["a"]`, `["a",null]`, `["a","a"]`, `[null]`, `[1]`, `[[]]`, `{"a":1}`, `{"a":1,"A":2}`, `{"a":1,"a":2}`, `{"jkt":"j"}`,
		`{"jkt":null,"x5t#S256":"x"}`, `["https://api.test"]`, `["other","https://api.test"]`, `"https://api.test"`, `"other"`,
		strconv.Quote("https://issuer.test"), `"https://issuer.test/"`, `"\u0068ttps://issuer.test"`, `"\ud83d\ude00"`, `"\ud800"`,
		"\"\xff\"", `"access"`, `"id"`, `"Bearer"`, `"Refresh"`, "01", "+1", "1.", ".5", "NaN", "-62135596800", "253402300799",
		"253402300800", "9007199254740993", `"\u0000"`, "1 ", "nul", `"`, "", strings.Repeat("[", 20) + strings.Repeat("]", 20),
	}
}

// date returns a date near the present or near a limit.
func (r *reader) date() string {
	now := time.Now().Unix()
	deltas := []int64{0, 5, -5, 12, -12, 60, -60, 3600, -3600, 1 << 40}
	at := now + deltas[r.choose(len(deltas))]
	switch r.choose(5) {
	case 0:
		return strconv.FormatInt(at, 10) + ".75"
	case 1:
		return strconv.FormatFloat(float64(at), 'e', -1, 64)
	case 2:
		return strconv.Quote(strconv.FormatInt(at, 10))
	}
	return strconv.FormatInt(at, 10)
}

// without returns the members with other names.
func without(members []member, name string) []member {
	return slices.DeleteFunc(slices.Clone(members), func(m member) bool { return m.name == name })
}

// variant returns a name that equals name, ignoring case.
func variant(name string, in *reader) string {
	switch in.choose(4) {
	case 0:
		return strings.ToUpper(name)
	case 1:
		return strings.ReplaceAll(name, "s", "\u017f") // long s
	case 2:
		return strings.ReplaceAll(name, "k", "\u212a") // Kelvin sign
	}
	return strings.ToUpper(name[:min(1, len(name))]) + name[min(1, len(name)):]
}

// escapeName writes the first letter of a name as an escape sequence.
func escapeName(members []member, in *reader) {
	if len(members) == 0 {
		return
	}
	m := &members[in.choose(len(members))]
	if m.name != "" && m.name[0] < 0x80 && m.name[0] != '"' {
		m.name = fmt.Sprintf(`"\u%04x%s"`, m.name[0], m.name[1:])
	}
}

func swap(members []member, in *reader) {
	if len(members) > 0 {
		i, j := in.choose(len(members)), in.choose(len(members))
		members[i], members[j] = members[j], members[i]
	}
}

// wrap puts a value into an array or an object, or takes it twice.
func wrap(members []member, in *reader) {
	if len(members) == 0 {
		return
	}
	m := &members[in.choose(len(members))]
	if len(m.value) > maxValue {
		return
	}
	formats := []string{"[%s]", `{"a":%s}`, "[%[1]s,%[1]s]", `{"a":%[1]s,"A":%[1]s}`, " %s\n"}
	m.value = fmt.Sprintf(formats[in.choose(len(formats))], m.value)
}

// textEdit returns a change of the signed token.
func textEdit(in *reader) func(string) string {
	kind, where := in.choose(9), in.choose(256)
	return func(raw string) string {
		if raw == "" {
			return raw
		}
		at := len(raw) * where / 256
		switch kind {
		case 0:
			return raw + "="
		case 1:
			return raw + "."
		case 2:
			return raw + "\n"
		case 3: // another character: a flipped bit, or a character that is not in the alphabet
			flipped := []byte(raw)
			flipped[at] ^= 1
			return string(flipped)
		case 4:
			return strings.NewReplacer("-", "+", "_", "/").Replace(raw)
		case 5:
			return raw[:at] + raw[at+1:]
		case 6:
			return strings.Replace(raw, ".", "=.", 1+where%2)
		case 7: // other trailing bits, which decode to the same bytes
			const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
			if i := strings.IndexByte(alphabet, raw[len(raw)-1]); i >= 0 {
				return raw[:len(raw)-1] + alphabet[i^1:i^1+1]
			}
		}
		return string(bytes.ToUpper([]byte(raw[:at]))) + raw[at:]
	}
}

// shape is a token that the kit accepts, with the deviations that it reports.
type shape struct {
	policy         int
	header, claims string
	quirks         string
}

// acceptedShapes returns at least one token for each accepted deviation.
func acceptedShapes() []shape {
	now := time.Now().Unix()
	claims := func(more string) string {
		return fmt.Sprintf(`{"iss":"https://issuer.test","aud":"https://api.test","exp":%d%s}`, now+36000, more)
	}
	header := `{"alg":"ES256","kid":"es256-1"}`
	return []shape{
		{header: header, claims: claims("")},
		{header: header, claims: claims(`,"nbf":0,"iat":-1`)},
		{header: header, claims: claims(`,"nbf":null,"iat":null`), quirks: "null_member in claim iat, null_member in claim nbf"},
		{header: header, claims: claims(`,"sub":null,"jti":""`), quirks: "empty_member in claim jti, null_member in claim sub"},
		{header: header, claims: claims(`,"client_id":"","azp":"client"`), quirks: "empty_member in claim of the client"},
		{header: header, claims: claims(`,"scope":null,"scp":"a"`), quirks: "null_member in claim of the scopes"},
		{
			header: header, claims: claims(`,"nonce":null,"auth_time":null`),
			quirks: "null_member in claim auth_time, null_member in claim nonce",
		},
		{header: header, claims: claims(`,"nonce":"n","scope":"a"`), quirks: "nonce_in_access_token in claim nonce"},
		{header: header, claims: claims(`,"Role":"a","role":"b"`), quirks: "case_variant in claims"},
		{header: header, claims: claims(`,"x":1e400,"y":"\ud83d\ude00"`)},
		{header: header, claims: claims(`,"cnf":{"jkt":"j","x5t#S256":null}`), quirks: "null_member in member of claim cnf"},
		{header: `{"alg":"ES256","kid":"es256-1","typ":null}`, claims: claims(""), quirks: "null_member in header typ"},
		{policy: 1, header: header, claims: fmt.Sprintf(`{"exp":%d,"client_id":"client"}`, now+36000)},
		{
			policy: 1, header: header, claims: fmt.Sprintf(`{"exp":%d,"client_id":"client","aud":[]}`, now+36000),
			quirks: "empty_member in claim aud",
		},
		{
			policy: 1, header: header, claims: fmt.Sprintf(`{"exp":%d,"client_id":"client","aud":null}`, now+36000),
			quirks: "null_member in claim aud",
		},
	}
}
