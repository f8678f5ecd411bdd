package challenge_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/internal/challenge"
)

type authParams = map[string]string

// goodChallenges has valid header values, joined by line feeds, and what they mean.
func goodChallenges() map[string][]challenge.Challenge {
	bearer := authParams{"realm": "api", "error": "invalid_token"}
	return map[string][]challenge.Challenge{
		"":       nil,
		" ,\t, ": nil,
		`Bearer`: {{"Bearer", "", authParams{}}},
		`bearer realm="api", error="invalid_token"`:                  {{"bearer", "", bearer}},
		`Bearer realm=api,ERROR=invalid_token`:                       {{"Bearer", "", bearer}},
		",Bearer  realm =\t\"api\" ,, ,error= \"invalid_token\"\t,":  {{"Bearer", "", bearer}},
		`DPoP algs="ES256 PS256", error="use_dpop_nonce"`:            {{"DPoP", "", authParams{"algs": "ES256 PS256", "error": "use_dpop_nonce"}}},
		`Bearer x="\"\\\a, Basic realm=b", y=""`:                     {{"Bearer", "", authParams{"x": `"\a, Basic realm=b`, "y": ""}}},
		"Bearer x=\"\t\xe9 \"":                                       {{"Bearer", "", authParams{"x": "\t\xe9 "}}},
		`Negotiate a87421000492aa874209af8bc028==`:                   {{"Negotiate", "a87421000492aa874209af8bc028==", authParams{}}},
		`Negotiate a/b+c`:                                            {{"Negotiate", "a/b+c", authParams{}}},
		`Negotiate a=`:                                               {{"Negotiate", "a=", authParams{}}},
		`Basic, Bearer realm="api", error="invalid_token", New ab==`: {{"Basic", "", authParams{}}, {"Bearer", "", bearer}, {"New", "ab==", authParams{}}},
		`Bearer , realm=api, error=invalid_token`:                    {{"Bearer", "", bearer}},
		"Basic realm=x\nBearer realm=api, error=invalid_token":       {{"Basic", "", authParams{"realm": "x"}}, {"Bearer", "", bearer}},
		`Bearer realm=a, Bearer realm=b`:                             {{"Bearer", "", authParams{"realm": "a"}}, {"Bearer", "", authParams{"realm": "b"}}},
		`Bearer scope  , DPoP`:                                       {{"Bearer", "scope", authParams{}}, {"DPoP", "", authParams{}}},
		`Bearer a=b, c =d`:                                           {{"Bearer", "", authParams{"a": "b", "c": "d"}}},
		`Bearer ` + strings.Repeat(",", challenge.MaxBytes-7):        {{"Bearer", "", authParams{}}},
	}
}

func badChallenges() []string {
	return []string{
		`realm="api"`,
		`Bearer, realm="api"`,               // no space, so that none can follow
		`Negotiate ab==, realm="api"`,       // not both
		"Basic realm=x\nerror=y",            // whose?
		`Bearer realm="api`,                 // no end
		`Bearer realm="api\`,                //
		`Bearer realm="api\"`,               //
		`Bearer realm="api" error="x"`,      // no comma
		`Bearer realm="api"error="x"`,       //
		`Bearer realm=api;error=x`,          //
		`Bearer realm=a b`,                  //
		`Bearer realm=, error=x`,            //
		`Bearer realm=a, Realm=b`,           // twice
		`Bearer error="", error="x"`,        //
		`Bearer a b`,                        //
		`Bearer a=b=c`,                      //
		`Bearer = x`,                        //
		`Bearer "x"`,                        //
		`"Bearer"`,                          //
		`Bearer(x)`,                         //
		`Bearer é`,                          //
		"Bearer\trealm=x",                   // a tab does not separate them
		"Bearer \trealm=x",                  //
		"Bearer x=\"a\x00\"",                //
		"Bearer x=\"a\x7f\"",                //
		"Bearer x=\"a\\\r\"",                //
		"Bearer x=\"a\r\n b\"",              //
		"Bearer x=a\rb",                     //
		"Basic realm=\"a\nBearer error=\"b", // no string goes on in another line
		`Bearer ` + strings.Repeat(",", challenge.MaxBytes),
	}
}

func TestParseChallenges(t *testing.T) {
	t.Parallel()
	for lines, want := range goodChallenges() {
		got, err := challenge.Parse(strings.Split(lines, "\n"))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q (-want +got):\n%s%v", lines, diff, err)
		}
	}
	if got, err := challenge.Parse(nil); got != nil || err != nil {
		t.Errorf("without a header: %v, %v", got, err)
	}
}

func TestParseChallenges_Rejected(t *testing.T) {
	t.Parallel()
	for _, lines := range badChallenges() {
		if got, err := challenge.Parse(strings.Split(lines, "\n")); got != nil || !errors.Is(err, challenge.ErrSyntax) {
			t.Errorf("%q was read as %v, %v", lines, got, err)
		}
	}
}

// Challenges that were parsed, written in canonical form and parsed again are equal, whether they are on one line or on
// several.
func FuzzChallenges(f *testing.F) {
	for lines := range goodChallenges() {
		f.Add(lines)
	}
	for _, lines := range badChallenges() {
		f.Add(lines)
	}
	f.Fuzz(func(t *testing.T, lines string) {
		got, err := challenge.Parse(strings.Split(lines, "\n"))
		if err != nil {
			if got != nil || !errors.Is(err, challenge.ErrSyntax) {
				t.Errorf("got %v, %v", got, err)
			}
			return
		}
		var again []string
		for _, c := range got {
			if c.Scheme == "" || c.Token68 != "" && len(c.Params) > 0 {
				t.Errorf("%q has %+v", lines, c)
			}
			again = append(again, challengeText(c))
		}
		if len(strings.Join(again, ", ")) > challenge.MaxBytes {
			return
		}
		for _, values := range [][]string{again, {strings.Join(again, ", ")}} {
			second, err := challenge.Parse(values)
			if diff := cmp.Diff(got, second); err != nil || diff != "" {
				t.Errorf("%q as %q (-want +got):\n%s%v", lines, values, diff, err)
			}
		}
	})
}

func challengeText(c challenge.Challenge) string {
	var parts []string
	for name, value := range c.Params {
		if strings.ToLower(name) != name {
			return "name " + name // a bad line
		}
		parts = append(parts, name+`="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)+`"`)
	}
	slices.Sort(parts)
	return strings.TrimSpace(c.Scheme + " " + c.Token68 + strings.Join(parts, ", "))
}
