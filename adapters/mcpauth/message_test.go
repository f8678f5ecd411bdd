package mcpauth_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/adapters/mcpauth"
)

// A body that two parsers could read differently is rejected, whatever the token allows.
func TestBodies(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{config: func(cfg *mcpauth.Config) {
		stateless(cfg)
		cfg.HTTP.MaxRequestBodyBytes = 64 << 10
	}})
	nested := func(n int) string {
		return rpc("tools/call", `{"name":"look","arguments":{"a":`+strings.Repeat("[", n)+strings.Repeat("]", n)+`}}`)
	}
	for name, test := range map[string]struct {
		body   string
		status int
		text   string
	}{
		"duplicate method":         {`{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"erase"}}`, 400, "same name"},
		"duplicate escaped method": {`{"jsonrpc":"2.0","id":1,"method":"ping","\u006dethod":"tools/call","params":{"name":"erase"}}`, 400, "same name"},
		"duplicate params":         {`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"look"},"params":{"name":"erase"}}`, 400, "same name"},
		"duplicate name":           {rpc("tools/call", `{"name":"look","name":"erase"}`), 400, "same name"},
		"duplicate argument":       {rpc("tools/call", `{"name":"look","arguments":{"a":{"b":1,"b":2}}}`), 400, "same name"},
		"duplicate in a batch":     {`[` + callTool("look") + `,{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}]`, 400, "same name"},
		"other case of method":     {`{"jsonrpc":"2.0","id":1,"Method":"tools/call","method":"ping"}`, 400, "upper and lower case"},
		"only other case":          {`{"jsonrpc":"2.0","id":1,"METHOD":"ping"}`, 400, "upper and lower case"},
		"long s of params":         {`{"jsonrpc":"2.0","id":1,"method":"ping","paramſ":{}}`, 400, "upper and lower case"},
		"other case of name":       {rpc("tools/call", `{"name":"look","Name":"erase"}`), 400, "upper and lower case"},
		"other case of uri":        {rpc("resources/read", `{"uri":"note://public","URI":"note://private/1"}`), 400, "upper and lower case"},
		"other case in a ref":      {rpc("completion/complete", `{"ref":{"type":"ref/prompt","name":"greet","NAME":"secret"}}`), 400, "upper and lower case"},
		"other case in a filter":   {rpc("subscriptions/listen", `{"notifications":{"ResourceSubscriptions":["note://private/1"]}}`), 400, "upper and lower case"},
		"trailing value":           {rpc("ping", "") + callTool("erase"), 400, "exactly one JSON value"},
		"trailing text":            {rpc("ping", "") + "x", 400, "exactly one JSON value"},
		"trailing NUL":             {rpc("ping", "") + "\x00", 400, "exactly one JSON value"},
		"byte order mark":          {"\ufeff" + rpc("ping", ""), 400, "exactly one JSON value"},
		"not UTF-8":                {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"look\xff\"}}", 400, "UTF-8"},
		"lone surrogate":           {rpc("tools/call", `{"name":"look\ud800"}`), 400, "do not name"},
		"comment":                  {"/* x */" + rpc("ping", ""), 400, "exactly one JSON value"},
		"empty":                    {"", 400, "exactly one JSON value"},
		"a string":                 {`"ping"`, 400, "not an object"},
		"null":                     {`null`, 400, "not an object"},
		"no version":               {`{"id":1,"method":"ping"}`, 400, "jsonrpc"},
		"another version":          {`{"jsonrpc":"1.0","id":1,"method":"ping"}`, 400, "jsonrpc"},
		"empty batch":              {`[]`, 400, "empty array"},
		"batch of a batch":         {`[[` + rpc("ping", "") + `]]`, 400, "not an object"},
		"batch with null":          {`[` + rpc("ping", "") + `,null]`, 400, "not an object"},
		"long batch":               {`[` + strings.TrimSuffix(strings.Repeat(rpc("ping", "")+",", 101), ",") + `]`, 400, "more than 100"},
		"method and result":        {`{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}`, 400, "neither a request"},
		"method and error":         {`{"jsonrpc":"2.0","id":1,"method":"ping","error":{}}`, 400, "neither a request"},
		"result and error":         {`{"jsonrpc":"2.0","id":1,"result":{},"error":{}}`, 400, "neither a request"},
		"response without an id":   {`{"jsonrpc":"2.0","result":{}}`, 400, "neither a request"},
		"nothing":                  {`{"jsonrpc":"2.0","id":1}`, 400, "neither a request"},
		"null method":              {`{"jsonrpc":"2.0","id":1,"method":null}`, 400, "neither a request"},
		"number as method":         {`{"jsonrpc":"2.0","id":1,"method":1}`, 400, "neither a request"},
		"null id":                  {`{"jsonrpc":"2.0","id":null,"method":"tools/call","params":{"name":"erase"}}`, 400, "id of a message"},
		"object as id":             {`{"jsonrpc":"2.0","id":{},"method":"ping"}`, 400, "id of a message"},
		"array as params":          {rpc("tools/call", `["erase"]`), 400, "params"},
		"text as params":           {rpc("tools/call", `"erase"`), 400, "params"},
		"no params":                {rpc("tools/call", ""), 400, "do not name"},
		"null params":              {rpc("tools/call", "null"), 400, "do not name"},
		"no name":                  {rpc("tools/call", "{}"), 400, "do not name"},
		"null name":                {rpc("tools/call", `{"name":null}`), 400, "do not name"},
		"array as name":            {rpc("tools/call", `{"name":["look"]}`), 400, "do not name"},
		"name for a uri":           {rpc("resources/read", `{"name":"note://public"}`), 400, "do not name"},
		"unknown ref":              {rpc("completion/complete", `{"ref":{"type":"ref/tool","name":"x"}}`), 400, "do not name"},
		"text in a filter":         {rpc("subscriptions/listen", `{"notifications":{"resourceSubscriptions":"note://x"}}`), 400, "do not name"},
		"number in a filter":       {rpc("subscriptions/listen", `{"notifications":{"resourceSubscriptions":[1]}}`), 400, "do not name"},
		"long filter":              {rpc("subscriptions/listen", `{"notifications":{"resourceSubscriptions":["note://x"`+strings.Repeat(`,"note://x"`, 100)+`]}}`), 400, "do not name"},
		"too deep":                 {nested(101), 400, "nested"},
		"too long":                 {rpc("ping", `{"a":"`+strings.Repeat("x", 64<<10)+`"}`), 413, "too large"},

		"deep":                  {nested(90), 200, ""},
		"spaces":                {" \r\n\t" + rpc("ping", "") + " \n", 200, ""},
		"text as id":            {`{"jsonrpc":"2.0","id":"a","method":"ping"}`, 200, ""},
		"negative id":           {`{"jsonrpc":"2.0","id":-1,"method":"ping"}`, 200, ""},
		"null params of a list": {rpc("tools/list", "null"), 200, ""},
		"unknown member":        {`{"jsonrpc":"2.0","id":1,"method":"ping","trace":"x"}`, 200, ""},
		"case in arguments":     {rpc("tools/call", `{"name":"look","arguments":{"Name":1,"name":2,"NAME":3}}`), 200, ""},
		"characters in a name":  {rpc("tools/call", `{"name":"look","arguments":{"ü\u00fc\ud83d\ude00":"😀"}}`), 200, ""},
		"error response":        {`{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}`, 202, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := k.send(request{token: k.token("read admin notes").Sign(), body: test.body})
			if got.Code != test.status || !strings.Contains(got.Body.String(), test.text) {
				t.Errorf("%d %s, want %d with %q", got.Code, got.Body, test.status, test.text)
			}
			if strings.Contains(got.Body.String(), "did erase") {
				t.Error("the tool ran")
			}
		})
	}
}

// The body of a request without a valid token is not read.
func TestBodyIsNotReadWithoutAToken(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{config: stateless})
	for name, token := range map[string]string{"no token": "", "wrong audience": k.token("read").Set("aud", "https://elsewhere.test").Sign()} {
		r := k.httpRequest(request{token: token, body: callTool("look")})
		read := &counted{}
		r.Body = read
		serve(k, r)
		if read.reads != 0 {
			t.Errorf("%s: %d reads", name, read.reads)
		}
	}
}

func TestContentType(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{config: stateless})
	for value, status := range map[string]int{
		"application/json": 200, "Application/JSON; charset=UTF-8": 200, "application/json;charset=utf-8": 200,
		"": 415, "text/plain": 415, "application/json; charset=utf-16": 415, "application/x-www-form-urlencoded": 415,
		"application/json, text/plain": 415, "application/jsonx": 415, "application/problem+json": 415,
	} {
		if got := k.send(request{token: k.token("read").Sign(), body: rpc("ping", ""), header: map[string]string{"Content-Type": value}}); got.Code != status {
			t.Errorf("%q: %d, want %d", value, got.Code, status)
		}
	}
	encoded := map[string]string{"Content-Encoding": "gzip"}
	if got := k.send(request{token: k.token("read").Sign(), body: rpc("ping", ""), header: encoded}); got.Code != http.StatusUnsupportedMediaType {
		t.Errorf("gzip: %d", got.Code)
	}
}

// Mcp-Method and Mcp-Name must be equal to the method and the name in the body, in any revision.
func TestMirroredHeaders(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{config: stateless})
	for name, test := range map[string]struct {
		body, method, name string
		status             int
	}{
		"equal":                    {callTool("look"), "tools/call", "look", 200},
		"only the name":            {callTool("look"), "", "look", 200},
		"only the method":          {callTool("look"), "tools/call", "", 200},
		"name in Base64":           {callTool("look"), "tools/call", "=?base64?bG9vaw==?=", 200},
		"uri":                      {rpc("resources/read", `{"uri":"note://public"}`), "resources/read", "note://public", 200},
		"other name":               {callTool("erase"), "tools/call", "look", 400},
		"other case of the name":   {callTool("look"), "tools/call", "Look", 400},
		"other name in Base64":     {callTool("erase"), "tools/call", "=?base64?bG9vaw==?=", 400},
		"not Base64":               {callTool("look"), "tools/call", "=?base64?look?=", 400},
		"other method":             {callTool("look"), "ping", "look", 400},
		"other case of the method": {callTool("look"), "Tools/Call", "look", 400},
		"other uri":                {rpc("resources/read", `{"uri":"note://private/1"}`), "resources/read", "note://public", 400},
		"name of a list":           {rpc("tools/list", ""), "tools/list", "look", 400},
		"name of a filter":         {rpc("subscriptions/listen", `{"notifications":{"resourceSubscriptions":["note://public"]}}`), "", "note://public", 400},
		"method of a response":     {`{"jsonrpc":"2.0","id":1,"result":{}}`, "tools/call", "", 400},
		"batch":                    {"[" + callTool("look") + "]", "tools/call", "look", 400},
	} {
		header := make(map[string]string)
		if test.method != "" {
			header["Mcp-Method"] = test.method
		}
		if test.name != "" {
			header["Mcp-Name"] = test.name
		}
		got := k.send(request{token: k.token("read admin").Sign(), body: test.body, header: header})
		if got.Code != test.status {
			t.Errorf("%s: %d %s, want %d", name, got.Code, got.Body, test.status)
		}
		if got.Code == http.StatusBadRequest && name != "batch" && !strings.Contains(got.Body.String(), "-32020") {
			t.Errorf("%s: %s, want the code for headers that differ", name, got.Body)
		}
	}
}

func TestRepeatedHeaders(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{config: stateless})
	for _, name := range []string{"Mcp-Session-Id", "Mcp-Protocol-Version", "Mcp-Method", "Mcp-Name", "Last-Event-Id", "Content-Type"} {
		r := k.httpRequest(request{token: k.token("read").Sign(), body: callTool("look")})
		r.Header[name] = []string{"a", "a"}
		if got := serve(k, r); got.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
		}
	}
}

func TestLongBody(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{config: stateless})
	body := rpc("ping", "")
	for length, status := range map[int]int{4 << 20: 200, 4<<20 + 1: 413} {
		if got := k.send(request{token: k.token("read").Sign(), body: body + strings.Repeat(" ", length-len(body))}); got.Code != status {
			t.Errorf("%d bytes: %d %s", length, got.Code, got.Body)
		}
	}
}
