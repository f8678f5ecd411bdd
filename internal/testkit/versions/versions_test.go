// Package versions_test checks that the kit reads and writes the same JSON with every supported Go version. It reads
// generated texts, hashes all results and error texts, and compares the hashes with testdata/digests.txt. The file holds
// for all versions, so an ordinary test run of each version is enough. After a wanted change of results:
//
//	go test ./internal/testkit/versions -update
//
// `make json-versions` compares two versions on many more texts.
package versions_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/jwtsign"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
	"github.com/bearerkit/bearerkit/registry"
	"github.com/bearerkit/bearerkit/store"
)

const standardInputs = 2000

var (
	inputs = flag.Int("inputs", standardInputs, "number of generated texts for each reader")
	update = flag.Bool("update", false, "write testdata/digests.txt")
	dumpTo = flag.String("dump", "", "folder for all texts and results, to find what differs")
)

// reader reads one text and writes all that it finds out.
type reader struct {
	name  string
	names []string // the member names that texts for it are made of
	base  []string // members that make many texts acceptable
	read  func(w io.Writer, text string)
}

func TestVersionsAgree(t *testing.T) {
	t.Parallel()
	var lines []string
	for _, r := range readers(t) {
		lines = append(lines, r.name+" "+digest(t, r))
	}
	got := strings.Join(lines, "\n") + "\n"
	path := filepath.Join("testdata", "digests.txt")
	switch {
	case *inputs != standardInputs:
		fmt.Print(got) // for the script that compares two versions
		return
	case *update:
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("results differ from %s, which was written by another version (-want +got):\n%s", path, diff)
	}
}

// digest returns the hash of everything that r writes about the texts of its generator.
func digest(t *testing.T, r reader) string {
	t.Helper()
	hash := sha256.New()
	w := io.Writer(hash)
	if *dumpTo != "" {
		file, err := os.Create(filepath.Join(*dumpTo, r.name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		w = io.MultiWriter(hash, file)
	}
	g := newGenerator(r.name, r.names, r.base)
	for range *inputs {
		text := g.text()
		fmt.Fprintf(w, "%q\n", text)
		r.read(w, text)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

func readers(t *testing.T) []reader {
	t.Helper()
	clients, err := registry.New(registry.Config{Store: store.NewClients()})
	if err != nil {
		t.Fatal(err)
	}
	return []reader{
		{"compact", []string{"text", "TEXT", "Text", "n", "list", "map", "inner", "any", "when", "flag"}, nil, readCompact},
		{"consumer", []string{"iss", "sub", "SUB", "aud", "exp", "scope", "scp", "cnf", "jkt", "client_id"}, []string{`"iss":"https://a.example"`}, readToken},
		{"oidcdiscovery", []string{"issuer", "jwks_uri", "Issuer", "mtls_endpoint_aliases", "scopes_supported"}, []string{`"issuer":"https://a.example"`}, readMetadata},
		{"jwks", []string{"keys", "kty", "kid", "n", "e", "crv", "x", "y", "use", "alg", "key_ops", "x5c"}, []string{
			`"kty":"EC","crv":"P-256","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"`,
			`"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`,
		}, readKeys},
		{"jwtsign", []string{"iss", "sub", "aud", "max_age", "claims"}, nil, signClaims},
		{"registry", []string{"logo", "contacts", "a", "b"}, nil, func(w io.Writer, text string) {
			var extra map[string]any
			if json.Unmarshal([]byte(text), &extra) != nil {
				return
			}
			c, err := clients.Create(t.Context(), registry.NewClient{
				Name: "x", Public: true, Flows: []registry.Flow{registry.FlowRefreshToken}, Extra: extra,
			})
			fmt.Fprintln(w, dump(c.Client.Extra), err)
		}},
	}
}

type target struct {
	Text  string            `json:"text"`
	N     int16             `json:"n"`
	List  []string          `json:"list"`
	Map   map[string]*inner `json:"map"`
	Inner inner             `json:"inner"`
	Any   any               `json:"any"`
	When  time.Time         `json:"when"`
	Flag  *bool             `json:"flag"`
	inner
}

type inner struct {
	A json.Number `json:"a"`
	B float32     `json:"b,string"`
	C []byte      `json:"c"`
	D [2]uint8    `json:"d"`
}

func readCompact(w io.Writer, text string) {
	o, err := compact.ParseObject(text, 8)
	fmt.Fprintln(w, err)
	if err != nil {
		return
	}
	for name, value := range o.All() {
		fmt.Fprintf(w, "%q %v %s\n", name, value.Kind(), dump(value.Any()))
	}
	for _, v := range []any{new(target), new(any), new(map[string]any), new(map[string]json.RawMessage), new(map[string]target)} {
		err := o.Decode(v)
		fmt.Fprintln(w, dump(v), err)
	}
}

func readToken(w io.Writer, text string) {
	token, err := consumer.NewToken("https://a.example", json.RawMessage(text))
	fmt.Fprintln(w, err)
	if err != nil {
		return
	}
	var v target
	err = token.Decode(&v)
	fmt.Fprintln(w, dump(v), err, token.Subject(), token.Audience(), token.Scopes(), token.Expiry().Unix())
}

func readMetadata(w io.Writer, text string) {
	var c oidcdiscovery.Client
	m, err := c.Parse("https://a.example", []byte(text))
	fmt.Fprintln(w, err)
	if err != nil {
		return
	}
	fmt.Fprintln(w, dump(m))
	var claims map[string]any
	err = m.Claims(&claims)
	fmt.Fprintln(w, dump(claims), err)
}

func readKeys(w io.Writer, text string) {
	keys, err := jwks.ParseJWKS([]byte(text))
	fmt.Fprintln(w, len(keys), err)
	keys, err = jwks.ParseJWKS([]byte(`{"keys":[` + text + `]}`))
	fmt.Fprintln(w, len(keys), err)
}

// signClaims writes claims that were read from text. Only text that is valid UTF-8 has one JSON form.
func signClaims(w io.Writer, text string) {
	o, err := compact.ParseObject(text, 8)
	if err != nil {
		return
	}
	var claims map[string]any
	if o.Decode(&claims) != nil {
		return
	}
	key := jwtsign.Key{Private: []byte(strings.Repeat("k", 32)), Algorithm: "HS256"}
	signed, err := key.JWT(map[string]any{"typ": "x"}, claims)
	fmt.Fprintln(w, signed, err)
}

// dump writes v in a form that has no addresses and a fixed order.
func dump(v any) string {
	var b strings.Builder
	dumpValue(&b, reflect.ValueOf(v))
	return b.String()
}

func dumpValue(b *strings.Builder, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		dumpValue(b, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				dumpValue(b, v.Field(i))
				b.WriteByte(';')
			}
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			fmt.Fprintf(b, "%q:", key)
			dumpValue(b, v.MapIndex(key))
			b.WriteByte(';')
		}
	case reflect.Slice, reflect.Array:
		fmt.Fprintf(b, "%d[", v.Len())
		for i := range v.Len() {
			dumpValue(b, v.Index(i))
			b.WriteByte(',')
		}
	case reflect.Invalid:
		b.WriteString("nil")
	default:
		fmt.Fprintf(b, "%q", fmt.Sprint(v))
	}
}
