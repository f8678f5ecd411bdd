package client_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/client"
)

// A byte order mark would become a part of the secret. The error does not contain the secret.
func TestCaseC3_SecretFileWithByteOrderMark(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-hunter2-hunter2"
	for name, test := range map[string]struct {
		content string
		valid   bool
	}{
		"the secret":         {secret, true},
		"a line end":         {secret + "\n", true},
		"a line end of DOS":  {secret + "\r\n", true},
		"visible characters": {`"` + secret + ` ä` + `"`, true},
		"a byte order mark":  {"\ufeff" + secret, false},
		"UTF-16":             {"\xff\xfeh\x00u\x00", false},
		"big-endian UTF-16":  {"\xfe\xff\x00h\x00u", false},
		"an empty file":      {"", false},
		"only a line end":    {"\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := client.SecretFile(path)(t.Context())
			_, started := client.FromEnviron([]string{
				"BEARERKIT_ISSUER=https://login.test", "BEARERKIT_CLIENT_ID=app", "BEARERKIT_CLIENT_SECRET_FILE=" + path,
			})
			for _, err := range []error{err, started} {
				if valid := err == nil; valid != test.valid {
					t.Errorf("error %v, want none: %t", err, test.valid)
				}
				if err != nil && strings.Contains(err.Error(), "hunter2") {
					t.Errorf("the error contains the secret: %v", err)
				}
			}
		})
	}
}
