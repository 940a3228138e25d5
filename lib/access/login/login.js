// The page works without this: it only shows a typed password, counts a wait down, and stops a second press.
const password = document.getElementById("password");
const show = document.getElementById("show");
const submit = document.getElementById("submit");
const error = document.getElementById("error");

show.hidden = false;
show.addEventListener("click", () => {
	const visible = password.type === "password";
	password.type = visible ? "text" : "password";
	show.setAttribute("aria-pressed", String(visible));
	show.textContent = visible ? show.dataset.hide : show.dataset.show;
	password.focus();
});

const label = submit.textContent;
submit.form.addEventListener("submit", (event) => {
	if (!submit.form.reportValidity()) {
		event.preventDefault();
		return;
	}
	password.type = "password";
	submit.disabled = true;
	submit.textContent = submit.dataset.busy;
});
// A page that comes back from the browser's history must not stay busy.
window.addEventListener("pageshow", () => {
	submit.textContent = label;
	submit.disabled = remaining() > 0;
});

const openAt = performance.now() + Number(error.dataset.seconds) * 1000;
const remaining = () => Math.max(0, Math.ceil((openAt - performance.now()) / 1000));
if (remaining() > 0) {
	// The words were read out once; the seconds that tick are for the eye alone.
	const clock = document.createElement("span");
	clock.setAttribute("aria-hidden", "true");
	error.append(" ", clock);
	const tick = () => {
		const seconds = remaining();
		const text = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
		clock.textContent = seconds > 0 ? text : "";
		submit.disabled = seconds > 0;
		if (seconds > 0) setTimeout(tick, 250);
		else error.textContent = error.dataset.again;
	};
	tick();
}
