// There is no token here: the browser has a session cookie, which no script can read.
const $ = (id) => document.getElementById(id);
const show = (id, visible) => { if ($(id)) $(id).hidden = !visible; };

const reasons = {
  401: 'You are not signed in any more.',
  403: 'The API says no: your token lacks the scope that this needs.',
  503: 'The provider cannot be reached. Try again in a while.',
};

async function load() {
  const session = await (await fetch('/auth/session')).json();
  const claims = session.claims ?? {};
  $('who').textContent = session.signed_in ? `Signed in as ${claims.name ?? claims.email ?? claims.sub ?? 'somebody'}` : '';
  for (const id of ['login', 'hint']) show(id, !session.signed_in);
  for (const id of ['profile', 'logout', 'calls']) show(id, session.signed_in);
}

function row({ number, item, status }) {
  const line = document.createElement('tr');
  for (const text of [number, item, status]) line.insertCell().textContent = text;
  return line;
}

async function call(path) {
  const answer = await fetch(path);
  const body = answer.ok ? await answer.json() : {};
  $('status').textContent = `${answer.status} ${answer.ok ? 'OK' : 'refused'}`;
  $('status').classList.toggle('good', answer.ok);
  $('call').textContent = `GET ${path}`;
  $('explain').textContent = answer.ok ? `The API knows you as ${body.subject}.` : reasons[answer.status] ?? 'That did not work.';
  document.querySelector('#orders tbody').replaceChildren(...(body.orders ?? []).map(row));
  show('orders', answer.ok);
  show('answer', true);
}

for (const button of document.querySelectorAll('[data-call]')) {
  button.addEventListener('click', () => call(button.dataset.call).catch(() => { $('explain').textContent = 'The shop cannot be reached.'; show('answer', true); }));
}
load().catch(() => { $('who').textContent = 'The shop cannot be reached.'; });
