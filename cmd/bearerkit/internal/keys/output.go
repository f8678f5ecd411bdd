package keys

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/inspect"
	"github.com/bearerkit/bearerkit/jwks"
)

// document is the JSON output. docs/cli.md describes it.
type document struct {
	Origin string  `json:"origin"` // a URL or the name of a file
	Usable int     `json:"usable"` // the number of usable keys
	Keys   []entry `json:"keys"`
}

// entry is one key in the output.
type entry struct {
	KeyID      string `json:"kid"`
	Type       string `json:"kty"`
	Algorithm  string `json:"alg"`
	Use        string `json:"use"`
	Size       string `json:"size"`       // the bits or the curve; empty if the key is not usable
	Thumbprint string `json:"thumbprint"` // RFC 7638, SHA-256; empty if the key is not usable
	Usable     bool   `json:"usable"`
	Reason     string `json:"reason"` // why the key is not usable: one of the values of jwks.Fault
	Detail     string `json:"detail"` // the same for people
}

// documentOf returns the JSON output for a key set.
func documentOf(set *inspect.KeySet) document {
	d := document{Origin: set.Origin, Usable: len(set.Usable()), Keys: []entry{}}
	for _, k := range set.Keys {
		d.Keys = append(d.Keys, entryOf(k))
	}
	return d
}

// entryOf describes one key.
func entryOf(k jwks.InspectedKey) entry {
	e := entry{KeyID: k.KeyID, Type: k.Type, Algorithm: k.Algorithm, Use: k.Use, Usable: k.Unusable == nil}
	if k.Unusable != nil {
		e.Reason, e.Detail = string(k.Unusable.Cause), k.Unusable.Detail
		return e
	}
	e.Size, e.Thumbprint = inspect.SizeOf(k.Key.Public), inspect.Thumbprint(k.Key.Public)
	return e
}

// printTable writes the keys as a table, followed by the reasons why keys are not usable.
func printTable(env *cli.Env, set *inspect.KeySet) {
	fmt.Fprintf(env.Stdout, "%s of %d keys at %s can be used.\n\n", number(len(set.Usable())), len(set.Keys), cli.Clean(set.Origin))
	if len(set.Keys) == 0 {
		return
	}
	table := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KID\tKTY\tALG\tUSE\tSIZE\tTHUMBPRINT (SHA-256)\tSTATE")
	for _, k := range set.Keys {
		e := entryOf(k)
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", cell(e.KeyID), cell(e.Type), cell(e.Algorithm), cell(e.Use), cell(e.Size),
			cell(e.Thumbprint), cmp.Or(e.Reason, "usable"))
	}
	_ = table.Flush() // a failed write of the result cannot be reported
	for i, k := range set.Keys {
		if k.Unusable != nil {
			text := fmt.Sprintf("Key %d (%s) is not used: %s.", i+1, cell(k.KeyID), k.Unusable.Detail)
			fmt.Fprintf(env.Stdout, "\n%s %s\n", env.Paint(cli.Yellow, "!"), cli.Wrap(cli.Clean(text), env.Width()-2, "  "))
		}
	}
	for _, q := range set.Quirks {
		fmt.Fprintf(env.Stdout, "\n  %s\n", cli.Wrap(cli.Clean("Accepted deviation: "+q.String()+"."), env.Width()-2, "  "))
	}
}

// number returns a count, with "None" for zero.
func number(n int) string {
	if n == 0 {
		return "None"
	}
	return strconv.Itoa(n)
}

// maxCell limits a value in the table.
const maxCell = 48

// cell returns a value of a key for the table. A value that is not made of printable ASCII characters is quoted.
func cell(text string) string {
	if text == "" {
		return "-"
	}
	if quoted := cli.Quote(text); quoted != `"`+text+`"` {
		return quoted
	}
	if len(text) > maxCell {
		return text[:maxCell] + "..."
	}
	return text
}

// writePEM writes the usable keys as PKIX blocks (RFC 7468 section 13).
func writePEM(env *cli.Env, set *inspect.KeySet) error {
	for _, k := range set.Usable() {
		der, err := x509.MarshalPKIXPublicKey(k.Public)
		if err != nil {
			return fmt.Errorf("key %s: %w", cli.Quote(k.ID), err)
		}
		if err := pem.Encode(env.Stdout, &pem.Block{Type: "PUBLIC KEY", Bytes: der}); err != nil {
			return err
		}
	}
	return nil
}

// writeJWKS writes the usable keys as a JWK Set. It contains only the public members, kid, alg and use.
func writeJWKS(env *cli.Env, set *inspect.KeySet) error {
	keys := []map[string]string{}
	for _, k := range set.Usable() {
		jwk := inspect.JWK(k.Public)
		if jwk == nil {
			continue
		}
		optional := map[string]string{"kid": k.ID, "alg": k.Algorithm, "use": "sig"}
		maps.DeleteFunc(optional, func(_, value string) bool { return strings.TrimSpace(value) == "" })
		maps.Copy(jwk, optional)
		keys = append(keys, jwk)
	}
	return env.WriteJSON(map[string]any{"keys": keys})
}
