import "emotion-cam/react";
import { useState } from "react";
import { createRoot } from "react-dom/client";

function App() {
  const [label, setLabel] = useState("none yet");
  return (
    <>
      <emotion-cam
        src="astronaut.jpg"
        asset-base="emotion-cam"
        max-faces={2}
        overlay="boxes"
        autostart
        onemotion-change={(event) => setLabel(event.label)}
      />
      <output>{label}</output>
    </>
  );
}

createRoot(document.getElementById("app")!).render(<App />);
