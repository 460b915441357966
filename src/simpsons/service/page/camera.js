// A picture from the camera: in the page where the browser lets it, else by the phone's own camera.

const viewfinder = document.querySelector("#viewfinder");
const video = viewfinder.querySelector("video");
const capture = document.querySelector("#capture");
let taken = 0;

export function connectCamera(add) {
  document.querySelector("#camera").addEventListener("click", open);
  document.querySelector("#take").addEventListener("click", () => take(add));
  document.querySelector("#close").addEventListener("click", () => viewfinder.close());
  viewfinder.addEventListener("close", stop);
  capture.addEventListener("change", () => {
    add([...capture.files]);
    capture.value = "";
  });
}

async function open() {
  try { // without a secure address there is no mediaDevices, and without a camera no stream
    video.srcObject = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment" },
    });
    viewfinder.showModal();
  } catch {
    capture.click();
  }
}

function take(add) {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  taken += 1;
  const name = `camera ${taken}.jpg`;
  canvas.toBlob((blob) => {
    if (blob) add([new File([blob], name, { type: "image/jpeg" })]);
  }, "image/jpeg", 0.9);
  viewfinder.close();
}

function stop() {
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
}
