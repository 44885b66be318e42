// The square on a slip leads here with the code behind a #, which browsers keep to themselves: fill it in, then forget it.
const field = document.getElementById("code");
const code = decodeURIComponent(location.hash.slice(1));
if (code) {
  field.value = code;
  history.replaceState(null, "", location.pathname + location.search);
  document.getElementById("address").focus();
}

// A form that was refused comes back without the code, which no server sends: nobody types its 28 letters twice.
const sent = sessionStorage.getItem("code");
sessionStorage.removeItem("code");
if (sent && document.querySelector("main [role=alert]")) field.value = sent;
field.form.addEventListener("submit", () => sessionStorage.setItem("code", field.value));
