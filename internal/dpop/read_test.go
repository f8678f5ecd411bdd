package dpop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/internal/dpop"
)

// The forms that clients send, and deviations that are harmless.
func TestG1_AcceptedProofs(t *testing.T) {
	t.Parallel()
	c := newChecker(t, dpop.Config{})
	for name, d := range map[string]*draft{
		"typ in upper case":                 newDraft("ES256").head("typ", "DPOP+JWT"),
		"typ as a full media type":          newDraft("ES256").head("typ", "application/dpop+jwt"),
		"typ as a media type in all cases":  newDraft("ES256").head("typ", "Application/DPoP+JWT"),
		"kid and others in the header":      newDraft("ES256").head("kid", "1").head("x5t", "AA").head("jku", "https://evil.test"),
		"members of a browser's export":     newDraft("ES256").member("ext", true).member("key_ops", []string{"verify"}),
		"kid, use and alg in the jwk":       newDraft("ES256").member("kid", "1").member("use", "sig").member("alg", "ES256"),
		"key_ops of the private key":        newDraft("ES256").member("key_ops", []string{"sign"}),
		"use is enc":                        newDraft("ES256").member("use", "enc"),
		"alg of the jwk is null":            newDraft("ES256").member("alg", nil),
		"alg of the jwk is empty":           newDraft("ES256").member("alg", ""),
		"RSA jwk with alg":                  newDraft("PS256").member("alg", "PS256"),
		"RSA jwk with crv":                  newDraft("RS256").member("crv", "P-256"),
		"certificate in the jwk":            newDraft("ES256").member("x5c", []string{"AA=="}).member("x5u", "https://evil.test"),
		"EdDSA, and Ed25519 in the jwk":     newDraft("EdDSA").member("alg", "Ed25519"),
		"Ed25519, and EdDSA in the jwk":     newDraft("Ed25519").member("alg", "EdDSA"),
		"fraction in iat":                   newDraft("ES256").claim("iat", float64(now.Unix())-0.25),
		"iat with an exponent":              newDraft("ES256").claim("iat", json.RawMessage("1.7959536e9")),
		"nonce that nobody wants":           newDraft("ES256").claim("nonce", "n"),
		"nonce is null":                     newDraft("ES256").claim("nonce", nil),
		"exp and nbf":                       newDraft("ES256").claim("exp", now.Unix()+5).claim("nbf", now.Unix()),
		"exp of a client with a slow clock": newDraft("ES256").claim("exp", now.Unix()-50),
		"exp and nbf are null":              newDraft("ES256").claim("exp", nil).claim("nbf", nil),
		"claims of other JWTs":              newDraft("ES256").claim("iss", "client").claim("aud", []string{"x"}).claim("sub", 1),
		"jti of 256 bytes":                  newDraft("ES256").claim("jti", strings.Repeat("j", 256)),
		"jti that is not ASCII":             newDraft("ES256").claim("jti", "ä\n\"\x00"),
		"query and fragment in htu":         newDraft("ES256").claim("htu", target+"?a=1#b"),
	} {
		if _, err := check(c, d.sign(), want(d.key.jwk)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestG1_RejectedProofs(t *testing.T) {
	t.Parallel()
	c := newChecker(t, dpop.Config{})
	for name, test := range map[string]struct {
		draft *draft
		part  string // of the detail
	}{
		"no typ":                   {newDraft("ES256").head("typ", absent), "typ"},
		"typ of an access token":   {newDraft("ES256").head("typ", "at+jwt"), "typ"},
		"typ JWT":                  {newDraft("ES256").head("typ", "JWT"), "typ"},
		"typ of another type":      {newDraft("ES256").head("typ", "text/dpop+jwt"), "typ"},
		"typ with white space":     {newDraft("ES256").head("typ", " dpop+jwt"), "typ"},
		"typ with a parameter":     {newDraft("ES256").head("typ", "dpop+jwt; a=b"), "typ"},
		"typ that folds":           {newDraft("ES256").head("typ", "dpop+jwt\u017f"), "typ"},
		"typ is null":              {newDraft("ES256").head("typ", nil), "typ"},
		"typ is a list":            {newDraft("ES256").head("typ", []string{"dpop+jwt"}), "typ"},
		"no alg":                   {newDraft("ES256").head("alg", absent), "alg"},
		"alg is a number":          {newDraft("ES256").head("alg", 256), "alg"},
		"alg in lower case":        {newDraft("ES256").head("alg", "es256"), "alg"},
		"crit":                     {newDraft("ES256").head("crit", []string{"exp"}), "crit"},
		"crit is null":             {newDraft("ES256").head("crit", nil), "crit"},
		"b64":                      {newDraft("ES256").head("b64", true), "b64"},
		"no jwk":                   {newDraft("ES256").head("jwk", absent), "jwk is missing"},
		"jwk is null":              {newDraft("ES256").head("jwk", nil), "jwk is missing"},
		"jwk is a string":          {newDraft("ES256").head("jwk", text(keys()["ES256"].jwk)), "jwk is missing"},
		"jwk is a list":            {newDraft("ES256").head("jwk", []any{keys()["ES256"].jwk}), "jwk is missing"},
		"kid alone":                {newDraft("ES256").head("jwk", absent).head("kid", "1"), "jwk is missing"},
		"no kty":                   {newDraft("ES256").member("kty", absent), "kty"},
		"kty in lower case":        {newDraft("ES256").member("kty", "ec"), "kty"},
		"no crv":                   {newDraft("ES256").member("crv", absent), "crv"},
		"other crv":                {newDraft("ES256").member("crv", "P-384"), "crv"},
		"crv secp256k1":            {newDraft("ES256").member("crv", "secp256k1"), "crv"},
		"kty OKP with an EC alg":   {newDraft("ES256").member("kty", "OKP"), "kty"},
		"X25519":                   {newDraft("EdDSA").member("crv", "X25519"), "crv"},
		"alg of the jwk":           {newDraft("ES256").member("alg", "ES384"), "alg of jwk"},
		"alg of the jwk is a list": {newDraft("ES256").member("alg", []string{"ES256"}), "alg of jwk"},
		"RSA jwk for another alg":  {newDraft("PS256").member("alg", "RS256"), "alg of jwk"},
		"no jti":                   {newDraft("ES256").claim("jti", absent), "jti"},
		"jti is empty":             {newDraft("ES256").claim("jti", ""), "jti"},
		"jti is null":              {newDraft("ES256").claim("jti", nil), "jti"},
		"jti is a number":          {newDraft("ES256").claim("jti", 1), "jti"},
		"no htm":                   {newDraft("ES256").claim("htm", absent), "htm"},
		"htm is a list":            {newDraft("ES256").claim("htm", []string{"GET"}), "htm"},
		"htm in lower case":        {newDraft("ES256").claim("htm", "get"), "htm"},
		"htm of another request":   {newDraft("ES256").claim("htm", "POST"), "htm"},
		"no htu":                   {newDraft("ES256").claim("htu", absent), "htu"},
		"htu is null":              {newDraft("ES256").claim("htu", nil), "htu"},
		"no iat":                   {newDraft("ES256").claim("iat", absent), "iat"},
		"iat is null":              {newDraft("ES256").claim("iat", nil), "iat"},
		"iat is a string":          {newDraft("ES256").claim("iat", "1796040000"), "iat"},
		"iat is negative":          {newDraft("ES256").claim("iat", -1), "iat"},
		"iat is huge":              {newDraft("ES256").claim("iat", 1e300), "iat"},
		"iat is beyond float64":    {newDraft("ES256").claim("iat", json.RawMessage("1e999")), "iat"},
		"iat in milliseconds":      {newDraft("ES256").claim("iat", now.UnixMilli()), "iat"},
		"iat too old":              {newDraft("ES256").claim("iat", now.Unix()-61), "past"},
		"iat in the future":        {newDraft("ES256").claim("iat", now.Unix()+61), "future"},
		"iat is zero":              {newDraft("ES256").claim("iat", 0), "past"},
		"exp long ago":             {newDraft("ES256").claim("exp", now.Unix()-60), "exp"},
		"exp is a string":          {newDraft("ES256").claim("exp", "never"), "exp"},
		"nbf in the future":        {newDraft("ES256").claim("nbf", now.Unix()+61), "nbf"},
		"no ath":                   {newDraft("ES256").claim("ath", absent), "ath is missing"},
		"ath is null":              {newDraft("ES256").claim("ath", nil), "ath is missing"},
		"ath of another token":     {newDraft("ES256").claim("ath", b64(make([]byte, 32))), "ath"},
		"ath with padding":         {newDraft("ES256").claim("ath", newDraft("ES256").claims["ath"].(string)+"="), "ath"},
		"ath is the token":         {newDraft("ES256").claim("ath", token), "ath"},
		"nonce is a number":        {newDraft("ES256").claim("nonce", 1), "nonce"},
	} {
		_, err := check(c, test.draft.sign(), want(test.draft.key.jwk))
		t.Run(name, func(t *testing.T) { wantError(t, err, test.part) })
	}
}

// The text of a proof has one reading.
func TestG1_RejectedTexts(t *testing.T) {
	t.Parallel()
	c := newChecker(t, dpop.Config{})
	d := newDraft("ES256")
	good := d.sign()
	header, claims := text(d.header), text(d.claims)
	insert := func(object, member string) string { return "{" + member + "," + object[1:] }
	parts := strings.Split(good, ".")
	for name, raw := range map[string]string{
		"empty":                     "",
		"two parts":                 parts[0] + "." + parts[1],
		"four parts":                good + ".",
		"encrypted":                 good + ".x.y",
		"two proofs":                good + "," + good,
		"no signature":              parts[0] + "." + parts[1] + ".",
		"no header":                 "." + parts[1] + "." + parts[2],
		"padding":                   good + "=",
		"space in front":            " " + good,
		"line end":                  good + "\n",
		"short signature":           good[:len(good)-4],
		"long signature":            good + "AAAA",
		"signature of another form": parts[0] + "." + parts[1] + "." + b64(make([]byte, 70)),
		"zero signature":            parts[0] + "." + parts[1] + "." + b64(make([]byte, 64)),
		"JSON serialization":        `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"header is not JSON":        d.key.sign("x", claims),
		"header is a list":          d.key.sign("["+header+"]", claims),
		"data after the header":     d.key.sign(header+"x", claims),
		"two jwks":                  d.key.sign(insert(header, `"jwk":`+text(d.key.jwk)), claims),
		"two algs":                  d.key.sign(insert(header, `"alg":"ES256"`), claims),
		"alg in two cases":          d.key.sign(insert(header, `"Alg":"none"`), claims),
		"two members of the jwk":    d.key.sign(strings.Replace(header, `"kty"`, `"x":"AA","kty"`, 1), claims),
		"jwk member in two cases":   d.key.sign(strings.Replace(header, `"kty"`, `"X":"AA","kty"`, 1), claims),
		"claims are not JSON":       d.key.sign(header, "x"),
		"two jtis":                  d.key.sign(header, insert(claims, `"jti":"id-2"`)),
		"escaped duplicate":         d.key.sign(header, insert(claims, `"\u006ati":"id-2"`)),
		"jti in two cases":          d.key.sign(header, insert(claims, `"JTI":"id-2"`)),
		"byte order mark":           d.key.sign(header, "\ufeff"+claims),
		"invalid UTF-8":             d.key.sign(header, insert(claims, "\"a\":\"\xff\"")),
		"lone surrogate":            d.key.sign(header, insert(claims, `"a":"\ud800"`)),
		"deep nesting":              d.key.sign(header, insert(claims, `"a":`+strings.Repeat("[", 16)+strings.Repeat("]", 16))),
		"duplicate of another":      d.key.sign(header, insert(claims, `"a":1,"a":2`)),
		"4097 bytes":                longProof(t, d, 4097),
	} {
		_, err := check(c, raw, want(d.key.jwk))
		t.Run(name, func(t *testing.T) { wantError(t, err, " ") })
	}
	if _, err := check(c, longProof(t, d, 4096), want(d.key.jwk)); err != nil {
		t.Errorf("4096 bytes: %v", err)
	}
}

// longProof returns a good proof of exactly size bytes.
func longProof(t *testing.T, d *draft, size int) string {
	t.Helper()
	header, claims := text(d.header), text(d.claims)
	const signature = 86
	encoded := base64.RawURLEncoding.EncodedLen
	for pad := range 4 { // base64url has no text of 4n+1 characters
		for n := range size {
			if encoded(len(header)+pad)+1+encoded(len(claims)+n)+1+signature == size {
				return d.key.sign(header+strings.Repeat(" ", pad), claims+strings.Repeat(" ", n))
			}
		}
	}
	t.Fatalf("no proof of %d bytes", size)
	return ""
}

// A proof is never signed with a shared secret, and never unsigned.
func TestG9_NoneAndMAC(t *testing.T) {
	t.Parallel()
	c := newChecker(t, dpop.Config{})
	secret := []byte("0123456789abcdef0123456789abcdef")
	hmacSigned := func(d *draft) string {
		input := b64([]byte(text(d.header))) + "." + b64([]byte(text(d.claims)))
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(input))
		return input + "." + b64(mac.Sum(nil))
	}
	unsigned := func(d *draft) string {
		return strings.TrimRight(d.sign(), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
	}
	oct := object{"kty": "oct", "k": b64(secret)}
	for name, raw := range map[string]string{
		"none":                      newDraft("ES256").head("alg", "none").sign(),
		"nOnE":                      newDraft("ES256").head("alg", "nOnE").sign(),
		"none, unsigned":            unsigned(newDraft("ES256").head("alg", "none")),
		"unsigned":                  unsigned(newDraft("ES256")),
		"HS256 with oct":            hmacSigned(newDraft("ES256").head("alg", "HS256").head("jwk", oct)),
		"HS256 with an EC key":      hmacSigned(newDraft("ES256").head("alg", "HS256")),
		"ES256 with oct":            hmacSigned(newDraft("ES256").head("jwk", oct)),
		"RS256 with an EC key":      newDraft("ES256").head("alg", "RS256").sign(),
		"ES256 with an RSA key":     newDraft("RS256").head("alg", "ES256").sign(),
		"ES384 with a P-256 key":    newDraft("ES256").head("alg", "ES384").sign(),
		"EdDSA with an EC key":      newDraft("ES256").head("alg", "EdDSA").sign(),
		"PS256 signed as RS256":     newDraft("RS256").head("alg", "PS256").sign(),
		"ML-DSA-44 with an EC key":  newDraft("ES256").head("alg", "ML-DSA-44").sign(),
		"RSA-OAEP, for encryption":  newDraft("RS256").head("alg", "RSA-OAEP").sign(),
		"ECDH-ES, for encryption":   newDraft("ES256").head("alg", "ECDH-ES").sign(),
		"ES256K, which is unlisted": newDraft("ES256").head("alg", "ES256K").sign(),
	} {
		for kind, jwk := range map[string]object{"EC": keys()["ES256"].jwk, "RSA": keys()["RS256"].jwk, "oct": oct} {
			_, err := check(c, raw, want(jwk))
			t.Run(name+"/"+kind, func(t *testing.T) { wantError(t, err, " ") })
		}
	}
}

// Only public keys that are strong enough verify proofs.
func TestG1_Attack34_Attack36_KeysOfProofs(t *testing.T) {
	t.Parallel()
	n := keys()["RS256"].private.Public().(*rsa.PublicKey).N
	bits := func(length uint) string {
		return b64(new(big.Int).SetBit(new(big.Int).Set(n), int(length)-1, 1).Bytes())
	}
	coordinate := func(k string) string { return keys()["ES256"].jwk[k].(string) }
	var small *rsa.PrivateKey // for the kit to reject
	fips140.WithoutEnforcement(func() {
		var err error
		if small, err = rsa.GenerateKey(rand.Reader, 1024); err != nil {
			t.Error(err)
		}
	})
	c := newChecker(t, dpop.Config{})
	tests := map[string]struct {
		draft *draft
		part  string
	}{
		"RSA 1024":                 {newDraft("RS256").head("jwk", rsaJWK(&small.PublicKey)), "wrong length"},
		"RSA 2047":                 {newDraft("RS256").member("n", b64(new(big.Int).Rsh(n, 1).Bytes())), "bits"},
		"RSA 8193":                 {newDraft("RS256").member("n", bits(8193)), "length"},
		"RSA of 12 000 bits":       {newDraft("RS256").member("n", bits(12_000)), "length"},
		"modulus even":             {newDraft("RS256").member("n", b64(new(big.Int).Lsh(n, 1).Bytes())), "divisible"},
		"modulus times 3":          {newDraft("RS256").member("n", b64(new(big.Int).Mul(n, big.NewInt(3)).Bytes())), "divisible"},
		"modulus with a zero":      {newDraft("RS256").member("n", b64(append([]byte{0}, n.Bytes()...))), "members"},
		"modulus with padding":     {newDraft("RS256").member("n", b64(n.Bytes())+"=="), "base64url"},
		"exponent 1":               {newDraft("RS256").member("e", "AQ"), "exponent"},
		"exponent 0":               {newDraft("RS256").member("e", "AA"), "members"},
		"exponent even":            {newDraft("RS256").member("e", "AQAA"), "exponent"},
		"exponent of 33 bits":      {newDraft("RS256").member("e", b64([]byte{1, 0, 0, 0, 1})), "length"},
		"exponent of 32 bits":      {newDraft("RS256").member("e", b64([]byte{255, 255, 255, 255})), "31 bits"},
		"no exponent":              {newDraft("RS256").member("e", absent), "e of jwk"},
		"EC point off the curve":   {newDraft("ES256").member("y", coordinate("x")), "curve"},
		"EC point at zero":         {newDraft("ES256").member("x", b64(make([]byte, 32))).member("y", b64(make([]byte, 32))), "curve"},
		"EC coordinate too short":  {newDraft("ES256").member("x", b64(make([]byte, 31))), "length"},
		"EC coordinate too long":   {newDraft("ES256").member("x", b64(make([]byte, 33))), "length"},
		"EC coordinate not base64": {newDraft("ES256").member("x", coordinate("x")[:42]+"+"), "base64url"},
		"EC without y":             {newDraft("ES256").member("y", absent), "y of jwk"},
		"EC y is null":             {newDraft("ES256").member("y", nil), "y of jwk"},
		"EC x is a number":         {newDraft("ES256").member("x", 1), "x of jwk"},
		"EC y of a larger number":  {newDraft("ES256").member("y", b64(elliptic.P256().Params().P.Bytes())), "curve"},
		"OKP order 1":              {newDraft("EdDSA").member("x", b64(append([]byte{1}, make([]byte, 31)...))), "small order"},
		"OKP order 4":              {newDraft("EdDSA").member("x", b64(make([]byte, 32))), "small order"},
		"OKP order 4, sign":        {newDraft("EdDSA").member("x", b64(append(make([]byte, 31), 0x80))), "small order"},
		"OKP not canonical":        {newDraft("EdDSA").member("x", b64([]byte(strings.Repeat("\xff", 31)+"\x7f"))), "canonical"},
		"OKP too short":            {newDraft("EdDSA").member("x", b64(make([]byte, 31))), "length"},
		"JSON in a member":         {newDraft("ES256").member("x", `","y":"`+strings.Repeat("A", 36)), "base64url"},
	}
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} {
		for _, value := range []any{"AA", "", nil, 1} {
			tests["private member "+private+" "+text(value)] = struct {
				draft *draft
				part  string
			}{newDraft("ES256").member(private, value), "private"}
		}
	}
	for name, test := range tests {
		// The token is bound to the very key of the proof: the key alone decides.
		w := want(test.draft.header["jwk"].(object))
		for range 2 { // a key that was rejected once is not in the cache
			_, err := check(c, test.draft.sign(), w)
			t.Run(name, func(t *testing.T) { wantError(t, err, test.part) })
		}
	}
}

// Bits behind the last octet of a coordinate would give one key two thumbprints.
func TestG1_OneKeyHasOneThumbprint(t *testing.T) {
	t.Parallel()
	c := newChecker(t, dpop.Config{})
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for alg, member := range map[string]string{"ES256": "x", "EdDSA": "x", "ES512": "x", "RS256": "n"} {
		d := newDraft(alg)
		x := d.key.jwk[member].(string)
		last := strings.IndexByte(alphabet, x[len(x)-1])
		if len(x)%4 == 0 {
			continue // no bits are left over
		}
		d.member(member, x[:len(x)-1]+alphabet[last+1:last+2])
		_, err := check(c, d.sign(), want(d.header["jwk"].(object)))
		wantError(t, err, "members of jwk")
	}
}

// The key that signs must be the key of the token, whatever else the proof contains.
func TestG1_KeyOfTheToken(t *testing.T) {
	t.Parallel()
	c := newChecker(t, dpop.Config{})
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	stranger := key{"ES256", private, ecJWK(&private.PublicKey)}
	owner := keys()["ES256"]

	d := newDraft("ES256")
	if _, err := check(c, d.sign(), want(owner.jwk)); err != nil { // now the key of the owner is cached
		t.Fatal(err)
	}
	d.key = stranger // signs with the jwk of the owner in the header
	_, err = check(c, d.sign(), want(owner.jwk))
	wantError(t, err, "signature")

	d.head("jwk", stranger.jwk)
	_, err = check(c, d.sign(), want(owner.jwk))
	wantError(t, err, "bound")

	for name, bound := range map[string]string{
		"empty": "", "padded": thumbprint(stranger.jwk) + "=", "cut": thumbprint(stranger.jwk)[:42], "SHA-1": strings.Repeat("A", 27),
	} {
		w := want(stranger.jwk)
		w.Thumbprint = bound
		_, err = check(c, d.sign(), w)
		t.Run(name, func(t *testing.T) { wantError(t, err, "bound") })
	}
}

// A zero Proof, Want or time never passes.
func TestG1_ZeroValues(t *testing.T) {
	t.Parallel()
	c := newChecker(t, dpop.Config{})
	if _, err := c.Check(&dpop.Proof{}, dpop.Want{}); err == nil {
		t.Error("a zero Proof passes")
	}
	d := newDraft("ES256")
	w := want(d.key.jwk)
	w.Token = ""
	empty := sha256.Sum256(nil)
	_, err := check(c, d.claim("ath", b64(empty[:])).sign(), w)
	wantError(t, err, "ath")
	if _, err := check(c, newDraft("ES256").sign(), dpop.Want{Method: "GET", URL: target, Token: token}); err == nil {
		t.Error("a Want without Now and Thumbprint passes")
	}
}
