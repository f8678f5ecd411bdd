// Package keys contains the command that lists the keys of an issuer.
package keys

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/jwks"
)

// maxFile is the number of bytes of a key file, as for [jwks.File].
const maxFile = 512 << 10

// key is one key in the output.
type key struct {
	KeyID     string `json:"kid"`
	Algorithm string `json:"alg,omitempty"`
}

// Command returns the command keys.
func Command(env *cli.Env) *cobra.Command {
	return &cobra.Command{
		Use:   "keys FILE",
		Short: "List the keys of a JWK Set",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			data, err := env.ReadFile(args[0], maxFile)
			if err != nil {
				return err
			}
			set, err := jwks.ParseJWKS(data)
			if err != nil {
				return err
			}
			return write(env, set)
		},
	}
}

// write writes the keys of set.
func write(env *cli.Env, set jwks.Static) error {
	keys := make([]key, len(set))
	for i, k := range set {
		keys[i] = key{KeyID: k.ID, Algorithm: k.Algorithm}
	}
	if env.JSON() {
		return env.WriteJSON(keys)
	}
	table := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KID\tALG")
	for _, k := range keys {
		fmt.Fprintf(table, "%s\t%s\n", cli.Quote(k.KeyID), cli.Quote(k.Algorithm))
	}
	return table.Flush()
}
