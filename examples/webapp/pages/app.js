// There is no token here: the browser has a session cookie, which no script can read.
const show = (id, visible) => { document.getElementById(id).hidden = !visible; };
const say = (id, text) => { document.getElementById(id).textContent = text; };

async function load() {
  const session = await (await fetch('/auth/session')).json();
  say('who', session.signed_in ? `Signed in as ${session.claims.name ?? session.claims.sub}` : 'Nobody is signed in');
  show('login', !session.signed_in);
  for (const id of ['profile', 'call', 'logout']) show(id, session.signed_in);
}

document.getElementById('call').addEventListener('click', async () => {
  const answer = await fetch('/api/orders');
  say('orders', answer.ok ? JSON.stringify(await answer.json(), null, 2) : `${answer.status}`);
});

load();
